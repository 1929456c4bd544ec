#include <cstdio>
#include <fcntl.h>
#include <functional>
#include <list>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <tuple>
#include <unistd.h>

class Fd
{
public:
	Fd() = default;
	explicit Fd(int fd) : fd_(fd) {}
	~Fd()
	{
		if (fd_ >= 0)
			close(fd_);
	}

private:
	int fd_ = -1;
};

struct Loop {
	Loop();
	Fd epoll, event;
};

void complain(const char *what);
bool enqueue(std::function<void()> job);
void serve_and_close(int fd);

Loop::Loop()
{
	{
		auto rv = ::epoll_create1(EPOLL_CLOEXEC);

		if (rv < 0)
			throw 1;
		epoll = Fd(rv);
	}
	{
		auto rv = ::eventfd(0, EFD_NONBLOCK);

		if (rv < 0)
			throw 1;
		event = Fd(rv);
	}
}

std::tuple<bool, Fd> good_tuple(const char *path)
{
	int fd = ::open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return std::make_tuple(false, Fd());
	return std::make_tuple(true, Fd(fd));
}

std::tuple<bool, Fd> bad_tuple(const char *path)
{
	int fd = ::open(path, O_RDONLY | O_CLOEXEC); // L1

	if (fd < 0)
		return std::make_tuple(false, Fd());
	return std::make_tuple(true, Fd());
}

void good_lambda(int listener)
{
	for (;;) {
		int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC); // E7

		if (fd < 0)
			return;
		if (!enqueue([fd]() { serve_and_close(fd); }))
			close(fd);
	}
}

void bad_no_lambda(int listener)
{
	for (;;) {
		int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC); // L3 E7

		if (fd < 0)
			return;
		if (!enqueue([]() { complain("late"); }))
			close(fd);
	}
}

void good_last_statement(std::list<int> &list)
{
	FILE *file = fopen("/proc/net/dev", "re");

	if (!file)
		return;
	try {
		list.push_back(fgetc(file));
		fclose(file);
	} catch (...) {
		fclose(file);
		throw;
	}
}

void bad_before_last(std::list<int> &list)
{
	FILE *file = fopen("/proc/net/dev", "re");

	if (!file)
		return;
	try {
		fclose(file);
		list.push_back(1);
	} catch (...) {
		fclose(file); // L4
		throw;
	}
}
