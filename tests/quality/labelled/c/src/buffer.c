#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
struct buffer {
    char *data;
    size_t used;
    size_t room;
};

int grow(struct buffer *b, size_t room)
{
    b->data = realloc(b->data, room);
    b->room = room;
    return b->data != NULL;
}

int reserve(struct buffer *b, size_t room)
{
    char *data = realloc(b->data, room);
    if (data == NULL)
        return -1;
    b->data = data;
    b->room = room;
    return 0;
}

void drop(struct buffer *b)
{
    free(b->data);
    b->used = strlen(b->data);
    b->data = NULL;
}

void reset(struct buffer *b)
{
    free(b->data);
    b->data = NULL;
    b->used = b->room = 0;
}

char *label(int id)
{
    char text[24];
    snprintf(text, sizeof text, "buffer-%d", id);
    return text;
}

char *label_copy(int id)
{
    char text[24];
    snprintf(text, sizeof text, "buffer-%d", id);
    return strdup(text);
}

int checksum(const unsigned char *bytes)
{
    int sum[16], total = 0;
    for (int i = 0; i <= 16; i++)
        sum[i] = bytes[i] * 31;
    for (int i = 0; i < 16; i++)
        total += sum[i];
    return total;
}

int is_empty(struct buffer *b)
{
    if (b->used = 0)
        return 1;
    return 0;
}

int interrupted(int fd, struct buffer *b)
{
    ssize_t n;
    while ((n = read(fd, b->data, b->room)) < 0 && errno == EINTR)
        ;
    return n < 0;
}
