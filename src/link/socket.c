/* SPDX-License-Identifier: Apache-2.0 */
/* socket.c - see socket.h */
#include "link/socket.h"

#include <errno.h>
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

/* Describes the first bytes of the queue, at most `most`; how many those are in *ret_want. */
static inline int link_describe(const struct chunk_queue *queue, size_t most,
				struct iovec iov[LINK_IOV], size_t *ret_want)
{
	int n = chunk_queue_peek(queue, iov, LINK_IOV);
	size_t want = 0;

	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len >= most - want) {
			iov[i].iov_len = most - want;
			n = i + 1;
		}
		want += iov[i].iov_len;
	}
	*ret_want = want;
	return n;
}

ssize_t link_send(int fd, const struct chunk_queue *queue, size_t most, bool *ret_all)
{
	struct iovec iov[LINK_IOV];
	struct msghdr msg = { .msg_iov = iov };
	size_t want;
	int n = link_describe(queue, most, iov, &want);
	ssize_t r;

	msg.msg_iovlen = (size_t)n;
	r = n == 1 ? sys_send(fd, iov[0].iov_base, iov[0].iov_len) : sys_sendmsg(fd, &msg);
	*ret_all = r == (ssize_t)want;
	return r;
}

ssize_t link_send_fds(int fd, const struct chunk_queue *queue, size_t most, const struct fds *fds,
		      bool *ret_all)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof(int))] = { 0 };
	const size_t size = fds->n * sizeof(int);
	struct cmsghdr *h = (struct cmsghdr *)(void *)control;
	struct iovec iov[LINK_IOV];
	struct msghdr msg = {
		.msg_iov = iov,
		.msg_control = control,
		/* Of musl both lengths are socklen_t, of glibc size_t. */
		.msg_controllen = (socklen_t)CMSG_SPACE(size),
	};
	size_t want;
	ssize_t r;

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = (socklen_t)CMSG_LEN(size);
	memcpy(CMSG_DATA(h), fds->fd, size);
	msg.msg_iovlen = (size_t)link_describe(queue, most, iov, &want);
	r = sys_sendmsg(fd, &msg);
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

/* Calls fn for each. */
static void link_each_passed(struct msghdr *msg, void (*fn)(int fd, bool right, void *data),
			     void *data)
{
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
			fn(fd, h->cmsg_type == SCM_RIGHTS, data);
		}
	}
}

static void link_close_passed(int fd, bool right, void *data)
{
	(void)right, (void)data;
	fds_close_received(fd);
}

/* Is 0, 1 or 2 free here, the kernel has put a descriptor there; sys.c says why it may not stay. */
static int link_above_standard(int fd)
{
	int above;

	if (fd > 2)
		return fd;
	above = sys_dup(fd);
	fds_close_received(fd);
	return above;
}

/* What has come in one read. */
struct link_passed {
	struct fds *fds;
	bool no_memory;
};

/* All that were kept are closed, and so is what comes after them. */
static void link_refuse_passed(struct fds *f, int error)
{
	if (!f->error)
		f->error = error;
	fds_close(f);
}

static void link_keep_passed(int fd, bool right, void *data)
{
	struct link_passed *p = data;
	int above;

	if (right && !p->fds && !p->no_memory) {
		p->fds = fds_new();
		p->no_memory = !p->fds;
		if (p->fds)
			p->fds->received = true;
	}
	if (!right || !p->fds || p->fds->error) {
		fds_close_received(fd);
		return;
	}
	if (p->fds->n == FDS_MAX) {
		fds_close_received(fd);
		link_refuse_passed(p->fds, -E2BIG);
		return;
	}
	above = link_above_standard(fd);
	if (above >= 0)
		fds_add(p->fds, above);
	else
		link_refuse_passed(p->fds, -EMFILE);
}

struct link_control {
	_Alignas(struct cmsghdr) char bytes[CMSG_SPACE(LINK_PASSED * sizeof(int)) + 256];
};

static ssize_t link_receive_control(int fd, void *buffer, size_t n, struct iovec *iov,
				    struct link_control *control, struct msghdr *ret)
{
	*iov = (struct iovec){ buffer, n };
	*ret = (struct msghdr){ .msg_iov = iov,
				.msg_iovlen = 1,
				.msg_control = control->bytes,
				.msg_controllen = sizeof(control->bytes) };
	return sys_recvmsg(fd, ret);
}

static ssize_t link_receive_passed(int fd, void *buffer, size_t n)
{
	struct link_control control;
	struct msghdr msg;
	struct iovec iov;
	ssize_t r = link_receive_control(fd, buffer, n, &iov, &control, &msg);

	if (r >= 0)
		link_each_passed(&msg, link_close_passed, NULL);
	return r;
}

/* The control buffer holds as many as the kernel passes, so that it is cut short says that some were lost: there were no more
   numbers for them (receive_fd() in scm_detach_fds(), net/core/scm.c), in this process or in the system. */
static void link_judge_lost(struct link_passed *p)
{
	if (!p->fds && !p->no_memory)
		p->fds = fds_new();
	if (!p->fds) {
		p->no_memory = true;
		return;
	}
	p->fds->received = true;
	link_refuse_passed(p->fds, -EMFILE);
}

ssize_t link_receive_fds(int fd, void *buffer, size_t n, struct fds **ret)
{
	struct link_passed passed = { 0 };
	struct link_control control;
	struct msghdr msg;
	struct iovec iov;
	ssize_t r = link_receive_control(fd, buffer, n, &iov, &control, &msg);

	*ret = NULL;
	if (r < 0)
		return r;
	link_each_passed(&msg, link_keep_passed, &passed);
	if (msg.msg_flags & MSG_CTRUNC)
		link_judge_lost(&passed);
	*ret = passed.fds;
	return passed.no_memory ? -ENOMEM : r;
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

/* Also without clean: a copy of the descriptor in a forked child would keep the connection open after close() alone. That
   the peer may then read an end before close() makes ECONNRESET of unread bytes is the lesser evil: of a dropped queue the
   kernel says nothing in any case. After SHUT_RD nothing is added to the receive buffer, so the loop ends. */
void link_end(int fd, bool clean, bool rights)
{
	char rest[4096];

	sys_shutdown(fd, SHUT_RDWR);
	/* Descriptors in unread data would be closed by the kernel, while we wait. */
	for (int i = 0; (clean || rights) && i < LINK_DRAIN; i++)
		if (link_receive(fd, rest, sizeof(rest), rights) <= 0)
			break;
}
