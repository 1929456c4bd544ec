#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct relay {
	int control, data, log;
};

/* Three sockets at once; the failure of the third forgets the second. */
int relay_open(struct relay *r, const struct sockaddr *a, const struct sockaddr *b,
	       const struct sockaddr *c, socklen_t size)
{
	int control, data, log;

	control = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (control < 0)
		return -1;
	data = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (data < 0) {
		close(control);
		return -1;
	}
	log = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (log < 0) {
		close(control);
		return -1; // L1
	}
	if (bind(control, a, size) < 0 || bind(data, b, size) < 0 || bind(log, c, size) < 0)
		goto fail;
	r->control = control;
	r->data = data;
	r->log = log;
	return 0;
fail:
	perror("bind");
	close(log);
	close(data);
	close(control);
	return -1;
}

/* The label closes two of three. */
int relay_probe(const struct sockaddr *a, socklen_t size)
{
	int one = -1, two = -1, three = -1, r = -1;

	one = socket(AF_INET, SOCK_STREAM, 0);
	if (one < 0)
		goto out;
	two = socket(AF_INET, SOCK_STREAM, 0);
	if (two < 0)
		goto out;
	three = socket(AF_INET, SOCK_DGRAM, 0); // L1
	if (three < 0)
		goto out;
	if (bind(one, a, size) == 0 && bind(two, a, size) == 0 && bind(three, a, size) == 0)
		r = 0;
out:
	if (two >= 0)
		close(two);
	if (one >= 0)
		close(one);
	return r;
}
