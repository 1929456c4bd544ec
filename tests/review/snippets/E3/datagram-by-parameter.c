#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int dial(const struct sockaddr_in *to, int type)
{
	int fd = socket(AF_INET, type, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

struct answer {
	int code, size;
};

/* A datagram comes whole, or not at all. */
int good_datagram(const struct sockaddr_in *to)
{
	int fd = dial(to, SOCK_DGRAM);
	struct answer answer = { 0, 0 };

	if (fd < 0)
		return -1;
	if (recv(fd, &answer, sizeof(answer), 0) < 0)
		perror("recv");
	close(fd);
	return answer.code;
}

int stream(const struct sockaddr_in *to)
{
	int fd = dial(to, SOCK_STREAM);
	struct answer answer = { 0, 0 };

	if (fd < 0)
		return -1;
	if (recv(fd, &answer, sizeof(answer), 0) < 0) // E3
		perror("recv");
	close(fd);
	return answer.code;
}
