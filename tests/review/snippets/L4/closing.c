/* uv_close() goes on after its return: what holds the handle is in use until the callback runs. */
#include <stdlib.h>
#include <uv.h>

struct peer {
	int n;
	struct {
		uv_tcp_t tcp;
	} io;
	char *name;
};

static void gone(uv_handle_t *h)
{
	free(h->data);
}

static void end(struct peer *p)
{
	uv_close((uv_handle_t *)&p->io.tcp, gone);
}

void at_once(struct peer *p)
{
	uv_close((uv_handle_t *)&p->io.tcp, NULL);
	free(p->name);
	free(p); // L4
}

void by_helper(struct peer *p)
{
	end(p);
	free(p); // L4
}

void itself(uv_stream_t *s, ssize_t n)
{
	if (n < 0) {
		uv_close((uv_handle_t *)s, NULL);
		free(s); // L4
	}
}

void right(struct peer *p)
{
	p->io.tcp.data = p;
	end(p);
}

void after_the_loop(struct peer *p)
{
	uv_close((uv_handle_t *)&p->io.tcp, NULL);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	free(p);
}

void never_begun(struct peer *p)
{
	free(p->name);
	free(p);
}
