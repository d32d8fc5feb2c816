/* A TCP chat client. Its mistake: scanf("%s") reads words, and not lines. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int conn;

static void *listen_to(void *arg) {
    char buffer[4096];
    ssize_t length;
    while ((length = read(conn, buffer, sizeof buffer)) > 0) {
        fwrite(buffer, 1, length, stdout);
        fflush(stdout);
    }
    fprintf(stderr, "the server has left\n");
    exit(1);
    return arg;
}

int main(int argc, char **argv) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &at.sin_addr);
    conn = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(conn, (struct sockaddr *)&at, sizeof at) < 0) {
        perror("connect");
        return 1;
    }
    pthread_t thread;
    pthread_create(&thread, NULL, listen_to, NULL);
    char word[1024];
    while (scanf("%1000s", word) == 1) {
        strcat(word, "\n");
        write(conn, word, strlen(word));
    }
    return 0;
}
