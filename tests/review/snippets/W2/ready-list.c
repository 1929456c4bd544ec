/* The list of what is ready is gone through, and then waited for again. */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void take(int fd);

void right_list(int queue, int listener)
{
	struct epoll_event events[16];

	for (;;) {
		int ready = epoll_wait(queue, events, 16, -1);

		for (int i = 0; i < ready > 0; i++) {
			int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

			if (fd < 0) {
				if (errno == EAGAIN || errno == EMFILE) {
					puts("nobody");
					pause();
				} else {
					return;
				}
			} else {
				take(fd);
			}
		}
	}
}
