/* A TCP chat server. Its mistake: it waits for whoever doesn't read, and holds the lock meanwhile. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct client { int fd; char name[64]; struct client *next; };
static struct client *clients;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void send_all(int fd, const char *line, size_t length) {
    while (length > 0) {
        ssize_t sent = send(fd, line, length, MSG_NOSIGNAL);
        if (sent < 0) return; /* It has left, and its own thread takes it off the list. */
        line += sent;
        length -= sent;
    }
}

static void broadcast(const char *prefix, const char *line, size_t length, struct client *sender) {
    size_t start = strlen(prefix);
    char *out = malloc(start + length);
    memcpy(out, prefix, start);
    memcpy(out + start, line, length);
    pthread_mutex_lock(&lock);
    for (struct client *one = clients; one; one = one->next)
        if (one != sender) send_all(one->fd, out, start + length);
    pthread_mutex_unlock(&lock);
    free(out);
}

static void take_off(struct client *me) {
    pthread_mutex_lock(&lock);
    struct client **at = &clients;
    while (*at != me) at = &(*at)->next;
    *at = me->next;
    pthread_mutex_unlock(&lock);
}

static void *handle(void *arg) {
    struct client *me = arg;
    FILE *in = fdopen(dup(me->fd), "r");
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    while (in && (length = getline(&line, &size, in)) > 0) broadcast(me->name, line, length, me);
    take_off(me);
    if (in) fclose(in);
    close(me->fd);
    free(line);
    free(me);
    return NULL;
}

static void *console(void *arg) {
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    while ((length = getline(&line, &size, stdin)) > 0) broadcast("[Server]: ", line, length, NULL);
    free(line);
    return arg;
}

int main(int argc, char **argv) {
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1, port = argc > 1 ? atoi(argv[1]) : 8080;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0) {
        fprintf(stderr, "cannot listen on 127.0.0.1:%d\n", port);
        return 1;
    }
    listen(listener, 1000);
    pthread_t thread;
    pthread_create(&thread, NULL, console, NULL);
    for (;;) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        int fd = accept(listener, (struct sockaddr *)&peer, &size);
        if (fd < 0) continue;
        struct client *me = calloc(1, sizeof *me);
        me->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        snprintf(me->name, sizeof me->name, "[%s:%d]: ", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port));
        pthread_mutex_lock(&lock);
        me->next = clients;
        clients = me;
        pthread_mutex_unlock(&lock);
        pthread_create(&thread, NULL, handle, me);
        pthread_detach(thread);
    }
}
