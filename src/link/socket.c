/* SPDX-License-Identifier: Apache-2.0 */
/* socket.c - see socket.h */
#include "link/socket.h"

#include <string.h>

#include "sys/sys.h"

#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

enum {
	LINK_IOV = 16,     /* 256 KiB: more than a default send buffer takes */
	LINK_PASSED = 253, /* descriptors that one message can have: SCM_MAX_FD */
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

ssize_t link_send_these(int fd, const void *bytes, size_t n)
{
	return sys_send(fd, bytes, n);
}

/* If SO_PASSPIDFD was set on an adopted socket, each receive brings a pidfd. */
static bool link_is_passed(const struct cmsghdr *h)
{
	return h->cmsg_level == SOL_SOCKET &&
	       (h->cmsg_type == SCM_RIGHTS || h->cmsg_type == SCM_PIDFD);
}

/* Closing the last descriptor of a socket waits in close() as SO_LINGER demands; a peer that passed it and kept no copy
   would block our loop. For other files this fails with ENOTSOCK. */
static void link_close_passed(struct msghdr *msg)
{
	const struct linger none = { 0 };

	struct cmsghdr *h;

	/* By hand: CMSG_NXTHDR() of musl mixes signs. */
	for (size_t i = 0; i + sizeof(*h) <= msg->msg_controllen; i += CMSG_ALIGN(h->cmsg_len)) {
		h = (struct cmsghdr *)(void *)((char *)msg->msg_control + i);
		if (h->cmsg_len < sizeof(*h))
			return;
		if (!link_is_passed(h))
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(int) <= h->cmsg_len; at += sizeof(int)) {
			int fd;

			memcpy(&fd, (const char *)h + at, sizeof(fd));
			sys_setsockopt(fd, SO_LINGER, &none, sizeof(none));
			sys_close(fd);
		}
	}
}

static ssize_t link_receive_passed(int fd, void *buffer, size_t n)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(LINK_PASSED * sizeof(int)) + 256];
	struct iovec iov = { buffer, n };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t r = sys_recvmsg(fd, &msg);

	if (r >= 0)
		link_close_passed(&msg);
	return r;
}

ssize_t link_receive(int fd, void *buffer, size_t n, bool rights)
{
	return rights ? link_receive_passed(fd, buffer, n) : sys_recv(fd, buffer, n);
}

bool link_set_rights(int fd, bool admitted)
{
	const int on = admitted;

	return sys_setsockopt(fd, SO_PASSRIGHTS, &on, sizeof(on)) >= 0;
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
void link_end(int fd, bool clean, bool rights)
{
	char rest[4096];

	sys_shutdown(fd, SHUT_RDWR);
	/* Descriptors in unread data would be closed by the kernel, while we wait. */
	for (int i = 0; (clean || rights) && i < LINK_DRAIN; i++)
		if (link_receive(fd, rest, sizeof(rest), rights) <= 0)
			break;
}
