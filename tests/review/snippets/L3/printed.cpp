// A number that is printed is not kept.
#include <iostream>
#include <list>
#include <sys/socket.h>
#include <unistd.h>

void bad_printed(int listener)
{
	for (;;) {
		int client = accept(listener, nullptr, nullptr); // L3
		char first;

		if (client < 0) {
			sleep(1);
			continue;
		}
		std::cout << "client " << client << std::endl;
		if (recv(client, &first, 1, 0) > 0)
			std::cerr << first;
	}
}

struct numbers {
	std::list<int> all;
	numbers &operator<<(int fd);
};

void good_given(int listener, numbers &all)
{
	for (;;) {
		int client = accept(listener, nullptr, nullptr);

		if (client < 0) {
			sleep(1);
			continue;
		}
		all << client;
	}
}
