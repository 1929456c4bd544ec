#include <cstring>
#include <netdb.h>

int good_braces(const char *host)
{
	addrinfo *list{};

	if (getaddrinfo(host, "80", nullptr, &list) != 0) {
		freeaddrinfo(list);
		return -1;
	}
	freeaddrinfo(list);
	return 0;
}

int good_parentheses(const char *host)
{
	addrinfo *list(nullptr);

	if (getaddrinfo(host, "80", nullptr, &list) != 0) {
		freeaddrinfo(list);
		return -1;
	}
	freeaddrinfo(list);
	return 0;
}

int good_zeroed(const char *host)
{
	addrinfo *list;

	memset(&list, 0, sizeof(list));
	if (getaddrinfo(host, "80", nullptr, &list) != 0) {
		freeaddrinfo(list);
		return -1;
	}
	freeaddrinfo(list);
	return 0;
}
