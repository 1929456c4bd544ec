/* SPDX-License-Identifier: Apache-2.0 */
/* socket.c - see socket.h */
#include "link/socket.h"

#include "sys/sys.h"

enum {
	LINK_IOV = 16,     /* 256 KiB: more than a default send buffer takes */
	LINK_DRAIN = 1024, /* times 4 KiB; a receive buffer is 208 KiB unless root raised it */
};

ssize_t link_send(int fd, const struct chunk_queue *queue, size_t most, bool *ret_all)
{
	struct iovec iov[LINK_IOV];
	struct msghdr msg = { .msg_iov = iov };
	size_t want = 0;
	int n = chunk_queue_peek(queue, iov, LINK_IOV);
	ssize_t r;

	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len >= most - want) {
			iov[i].iov_len = most - want;
			n = i + 1;
		}
		want += iov[i].iov_len;
	}
	msg.msg_iovlen = (size_t)n;
	r = n == 1 ? sys_send(fd, iov[0].iov_base, iov[0].iov_len) : sys_sendmsg(fd, &msg);
	*ret_all = r == (ssize_t)want;
	return r;
}

ssize_t link_receive(int fd, void *buffer, size_t n)
{
	return sys_recv(fd, buffer, n);
}

int link_unread_by_peer(int fd)
{
	return sys_ioctl_outq(fd);
}

int link_arrived(int fd)
{
	return sys_ioctl_inq(fd);
}

int link_end_sending(int fd)
{
	return sys_shutdown(fd, SHUT_WR);
}

/* After SHUT_RD nothing is added to the receive buffer, so this ends. */
void link_end(int fd, bool clean)
{
	char rest[4096];

	sys_shutdown(fd, SHUT_RDWR);
	for (int i = 0; clean && i < LINK_DRAIN; i++)
		if (sys_recv(fd, rest, sizeof(rest)) <= 0)
			break;
}
