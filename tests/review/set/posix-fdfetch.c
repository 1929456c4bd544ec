/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 *  - the result of connect() is ignored;
 *  - the answer is waited for without a limit;
 *  - a descriptor that came with a bad answer stays open;
 *  - the device index that the helper sends is used as it is;
 *  - the helper's error text is printed as a format;
 *  - the error text has no terminator of its own.
 */

/* Library part and test program: asks the privileged helper for open input devices. */

#include <errno.h>
#include <linux/input.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HELPER_SOCKET "/run/inputhelper"
#define MAX_DEVICES   16
#define TEXT_SIZE     120

struct helper_request {
	uint32_t command;
	uint32_t argument;
};

struct helper_answer {
	uint32_t magic;
	int32_t status;
	uint32_t index;
	char text[TEXT_SIZE];
};

#define ANSWER_MAGIC 0x68656c70u

enum { CMD_OPEN = 1, CMD_COUNT = 2 };

struct device {
	int fd;
	char name[64];
};

struct seat {
	int helper;
	struct device devices[MAX_DEVICES];
};

static void log_error(const char *what)
{
	fprintf(stderr, "seat: %s: %s\n", what, strerror(errno));
}

static int helper_open(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = HELPER_SOCKET };
	int fd;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		log_error("socket");
		return -1;
	}
	connect(fd, (struct sockaddr *)&addr, sizeof(addr)); /* @E1 */
	return fd;
}

static int helper_send(int helper, uint32_t command, uint32_t argument)
{
	struct helper_request req = { command, argument };
	ssize_t n;

	do {
		n = send(helper, &req, sizeof(req), MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

/* Receives one packet, and the descriptor with it if there is one (otherwise *fd is -1). */
static ssize_t helper_receive(int helper, struct helper_answer *ans, int *fd)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = { ans, sizeof(*ans) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_LEN(sizeof(int)),
	};
	struct pollfd pfd = { .fd = helper, .events = POLLIN };
	struct cmsghdr *cmsg;
	ssize_t n;

	*fd = -1;
	while (poll(&pfd, 1, -1) < 0) { /* @W3 */
		if (errno != EINTR)
			return -1;
	}
	do {
		n = recvmsg(helper, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(cmsg), sizeof(int));
	return n;
}

static void device_name(struct device *dev)
{
	memset(dev->name, 0, sizeof(dev->name));
	if (ioctl(dev->fd, EVIOCGNAME(sizeof(dev->name) - 1), dev->name) < 0)
		strcpy(dev->name, "unknown");
}

static int seat_open_device(struct seat *seat, uint32_t number)
{
	struct helper_answer ans;
	ssize_t n;
	int fd;

	if (helper_send(seat->helper, CMD_OPEN, number) < 0) {
		log_error("send");
		return -1;
	}
	n = helper_receive(seat->helper, &ans, &fd);
	if (n < 0) {
		log_error("receive");
		return -1;
	}
	if ((size_t)n != sizeof(ans) || ans.magic != ANSWER_MAGIC) {
		fprintf(stderr, "seat: bad answer of %zd bytes\n", n);
		return -1; /* @L1 */
	}
	if (ans.status != 0) {
		fprintf(stderr, ans.text); /* @N1 @N4 */
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (fd < 0) {
		fprintf(stderr, "seat: no descriptor came\n");
		return -1;
	}
	seat->devices[ans.index].fd = fd; /* @N5 @L1? */
	device_name(&seat->devices[ans.index]);
	return 0;
}

static void seat_close(struct seat *seat)
{
	int i;

	for (i = 0; i < MAX_DEVICES; i++) {
		if (seat->devices[i].fd >= 0)
			close(seat->devices[i].fd);
		seat->devices[i].fd = -1;
	}
	if (seat->helper >= 0)
		close(seat->helper);
	seat->helper = -1;
}

int main(int argc, char **argv)
{
	struct seat seat;
	int i, opened = 0;

	for (i = 0; i < MAX_DEVICES; i++)
		seat.devices[i].fd = -1;
	seat.helper = helper_open();
	if (seat.helper < 0)
		return 1;
	for (i = 1; i < argc && i <= MAX_DEVICES; i++)
		if (seat_open_device(&seat, (uint32_t)atoi(argv[i])) == 0)
			opened++;
	for (i = 0; i < MAX_DEVICES; i++)
		if (seat.devices[i].fd >= 0)
			printf("%d: %s\n", i, seat.devices[i].name);
	seat_close(&seat);
	return opened > 0 ? 0 : 1;
}
