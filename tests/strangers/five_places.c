/* A UDP chat server. Its mistake: an array for five clients; whoever comes later isn't in it, and nobody says so. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CLIENTS 5

int main(int argc, char **argv) {
    static char buf[65536], out[65600];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))}, list[MAX_CLIENTS];
    int sock = socket(AF_INET, SOCK_DGRAM, 0), n = 0;
    if (bind(sock, (struct sockaddr *)&at, sizeof at) < 0) {
        perror("bind");
        return 1;
    }
    for (;;) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        ssize_t len = recvfrom(sock, buf, sizeof buf, 0, (struct sockaddr *)&from, &size);
        int i = 0;
        while (i < n && (list[i].sin_port != from.sin_port || list[i].sin_addr.s_addr != from.sin_addr.s_addr)) i++;
        if (i == n && n < MAX_CLIENTS) list[n++] = from;
        int head = sprintf(out, "[%s:%d]: ", inet_ntoa(from.sin_addr), ntohs(from.sin_port));
        memcpy(out + head, buf, len);
        for (int j = 0; j < n; j++)
            if (j != i) sendto(sock, out, head + len, 0, (struct sockaddr *)&list[j], sizeof list[j]);
    }
}
