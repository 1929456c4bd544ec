#include <event2/bufferevent.h>
#include <string.h>

int reply(struct bufferevent *bev, const char *text)
{
	return bufferevent_write(bev, text, strlen(text)); // E6
}
