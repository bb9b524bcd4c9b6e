#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define NAME_MAX_LEN 64

struct session {
    char name[NAME_MAX_LEN];
    unsigned int id;
    char *note;
};

/* Never use gets() or strcpy() in this file: see docs/style.md. */

int read_name(char *line)
{
    printf("name: ");
    return gets(line) != NULL;
}

int read_line(char *line, int size)
{
    return fgets(line, size, stdin) != NULL;
}

void set_name(struct session *s, const char *name)
{
    strcpy(s->name, name);
}

void set_default_name(struct session *s)
{
    snprintf(s->name, sizeof s->name, "%s", "guest");
}

void describe(const struct session *s, const char *host)
{
    char text[32];
    sprintf(text, "%s@%s", s->name, host);
    syslog(LOG_INFO, "%s", text);
}

void log_note(const char *note)
{
    syslog(LOG_INFO, note);
}

int read_word(FILE *in, char *word)
{
    return fscanf(in, "%s", word) == 1;
}

int read_code(FILE *in, char code[9])
{
    return fscanf(in, "%8s", code) == 1;
}

void clear(struct session *s)
{
    memset(s, sizeof *s, 0);
}

void zero(struct session *s)
{
    memset(s, 0, sizeof *s);
}

int open_export(const char *path)
{
    if (chmod(path, 0777) != 0)
        return -1;
    return 0;
}
