// What libevent calls when accepting fails, written where it is registered.
#include <cstdio>
#include <cstdlib>
#include <event2/listener.h>

void watch_and_end(evconnlistener *listener)
{
	evconnlistener_set_error_cb(listener, [](evconnlistener *, void *) {
		std::perror("accept");
		std::exit(1); // E7
	});
}

void watch_and_go_on(evconnlistener *listener)
{
	evconnlistener_set_error_cb(listener, [](evconnlistener *, void *) { std::perror("accept"); });
}
