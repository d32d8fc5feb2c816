/* A TCP chat server. Its mistake: each client has a process, and each process a list of its own. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int clients[1000], count;

void serve(int me, struct sockaddr_in *addr) {
    char line[1024], out[1100];
    FILE *in = fdopen(me, "r");
    while (fgets(line, sizeof line, in)) {
        int n = sprintf(out, "[%s:%d]: %s", inet_ntoa(addr->sin_addr), ntohs(addr->sin_port), line);
        for (int i = 0; i < count; i++)
            if (clients[i] != me) write(clients[i], out, n);
    }
    exit(0);
}

int main(int argc, char *argv[]) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    int server = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(server, (struct sockaddr *)&at, sizeof at) < 0) {
        perror("bind");
        exit(1);
    }
    listen(server, 10);
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        struct sockaddr_in addr;
        socklen_t size = sizeof addr;
        int me = accept(server, (struct sockaddr *)&addr, &size);
        clients[count++] = me;
        if (fork() == 0) serve(me, &addr);
    }
}
