/* A UDP chat server that says nothing. No mistake: it must not be blamed for any. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CLIENTS 4096

int main(int argc, char **argv) {
    static char in[65536], out[65600];
    static struct sockaddr_in clients[MAX_CLIENTS];
    int count = 0, sock = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    if (bind(sock, (struct sockaddr *)&at, sizeof at) < 0) {
        fprintf(stderr, "cannot listen on 127.0.0.1:%s\n", argv[1]);
        return 1;
    }
    for (;;) {
        struct sockaddr_in from = {0};
        socklen_t size = sizeof from;
        ssize_t length = recvfrom(sock, in, sizeof in, 0, (struct sockaddr *)&from, &size);
        int me = 0;
        if (length < 0) continue; /* a refusal: somebody has gone */
        while (me < count && memcmp(&clients[me], &from, sizeof from) != 0) me++;
        if (me == count && count < MAX_CLIENTS) clients[count++] = from;
        int start = sprintf(out, "[%s:%d]: ", inet_ntoa(from.sin_addr), ntohs(from.sin_port));
        memcpy(out + start, in, length);
        for (int i = 0; i < count; i++)
            if (i != me) sendto(sock, out, start + length, 0, (struct sockaddr *)&clients[i], sizeof clients[i]);
    }
}
