#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <string.h>

struct order {
	char name[32];
};

void use(size_t n);

/* Both ends of a pair are this program's. */
static void good_own(struct bufferevent *end, void *data)
{
	struct order o;

	(void)data;
	while (bufferevent_read(end, &o, sizeof(o)) == sizeof(o))
		use(strlen(o.name));
}

static void bad_peer(struct bufferevent *end, void *data)
{
	struct order o;

	(void)data;
	while (bufferevent_read(end, &o, sizeof(o)) == sizeof(o))
		use(strlen(o.name)); // N4
	if (bufferevent_write(end, "end", 3) < 0) // E6
		use(0);
}

int begin(struct event_base *base, struct bufferevent *line)
{
	struct bufferevent *pair[2];

	if (bufferevent_pair_new(base, BEV_OPT_THREADSAFE, pair) < 0)
		return -1;
	bufferevent_setcb(pair[0], good_own, NULL, NULL, NULL);
	bufferevent_setcb(line, bad_peer, NULL, NULL, NULL);
	return bufferevent_enable(pair[0], EV_READ);
}
