/* A TCP chat server. Its mistake: SIGPIPE kills it when somebody has left. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct client { int fd; char name[64]; };
static struct client *clients[4096];
static int count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *handle(void *arg) {
    struct client *me = arg;
    FILE *in = fdopen(dup(me->fd), "r");
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    while ((length = getline(&line, &size, in)) > 0) {
        char *out = malloc(length + 80);
        int start = sprintf(out, "[%s]: ", me->name);
        memcpy(out + start, line, length);
        pthread_mutex_lock(&lock);
        for (int i = 0; i < count; i++)
            if (clients[i] != me) write(clients[i]->fd, out, start + length);
        pthread_mutex_unlock(&lock);
        free(out);
    }
    pthread_mutex_lock(&lock);
    for (int i = 0; i < count; i++)
        if (clients[i] == me) clients[i] = clients[--count];
    pthread_mutex_unlock(&lock);
    close(me->fd);
    fclose(in);
    free(line);
    return NULL;
}

static void *console(void *arg) {
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    while ((length = getline(&line, &size, stdin)) > 0) {
        char *out = malloc(length + 11);
        sprintf(out, "[Server]: ");
        memcpy(out + 10, line, length);
        pthread_mutex_lock(&lock);
        for (int i = 0; i < count; i++) write(clients[i]->fd, out, 10 + length);
        pthread_mutex_unlock(&lock);
        free(out);
    }
    return arg;
}

int main(int argc, char **argv) {
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0) {
        fprintf(stderr, "cannot listen on 127.0.0.1:%s\n", argv[1]);
        return 1;
    }
    listen(listener, 1000);
    pthread_t thread;
    pthread_create(&thread, NULL, console, NULL);
    for (;;) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        struct client *me = malloc(sizeof *me);
        me->fd = accept(listener, (struct sockaddr *)&peer, &size);
        setsockopt(me->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        sprintf(me->name, "%s:%d", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port));
        pthread_mutex_lock(&lock);
        clients[count++] = me;
        pthread_mutex_unlock(&lock);
        pthread_create(&thread, NULL, handle, me);
        pthread_detach(thread);
    }
}
