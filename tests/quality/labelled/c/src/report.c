#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

int print_report(const char *printer)
{
    char cmd[256];
    snprintf(cmd, sizeof cmd, "lpr -P %s /tmp/report.ps", printer);
    return system(cmd);
}

int list_printers(void)
{
    char *const argv[] = {"lpstat", "-p", NULL};
    return execv("/usr/bin/lpstat", argv);
}

int scratch_file(void)
{
    char name[] = "/tmp/reportXXXXXX";
    return open(mktemp(name), O_RDWR | O_CREAT, 0600);
}

int spool_file(void)
{
    char name[] = "/tmp/reportXXXXXX";
    return mkstemp(name);
}

unsigned int session_key(void)
{
    srand(1234);
    return (unsigned int)rand();
}

int session_secret(unsigned char *out, size_t len)
{
    return getrandom(out, len, 0) == (ssize_t)len ? 0 : -1;
}

long count_lines(const char *path)
{
    long lines = 0;
    int c;
    FILE *in = fopen(path, "r");
    if (in == NULL)
        return -1;
    while ((c = fgetc(in)) != EOF)
        lines += c == '\n';
    return lines;
}

int copy_tag(char *dst, size_t size, const char *src)
{
    if (strlen(src) >= size)
        return -1;
    memcpy(dst, src, strlen(src) + 1);
    return 0;
}
