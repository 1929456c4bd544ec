// SPDX-License-Identifier: Apache-2.0
// correct: no close() or freeaddrinfo() in sight on the many ways out; unique_ptr with custom
// deleters (a nullable handle for descriptors) holds all of it
//
// forwards one local connection at a time to a TCP service:  fwd SOCKET HOST PORT
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace {

struct FdHandle {
	int fd = -1;
	FdHandle(std::nullptr_t = nullptr) {}
	FdHandle(int f) : fd(f) {}
	explicit operator bool() const { return fd >= 0; }
	friend bool operator==(FdHandle a, FdHandle b) { return a.fd == b.fd; }
	friend bool operator!=(FdHandle a, FdHandle b) { return a.fd != b.fd; }
};

struct FdCloser {
	using pointer = FdHandle;
	void operator()(FdHandle h) const { ::close(h.fd); }
};
using Fd = std::unique_ptr<FdHandle, FdCloser>;

inline int raw(const Fd &fd) { return fd.get().fd; }

struct AddrinfoFree {
	void operator()(addrinfo *ai) const { ::freeaddrinfo(ai); }
};
using Addresses = std::unique_ptr<addrinfo, AddrinfoFree>;

struct FileClose {
	void operator()(FILE *f) const { std::fclose(f); }
};

volatile std::sig_atomic_t stop_requested;

void on_signal(int) { stop_requested = 1; }

Fd dial(const char *host, const char *port)
{
	addrinfo hints{};
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;

	addrinfo *list = nullptr;
	const int rc = ::getaddrinfo(host, port, &hints, &list);
	if (rc != 0) {
		std::fprintf(stderr, "%s: %s\n", host, ::gai_strerror(rc));
		return nullptr;
	}
	Addresses addresses(list);

	for (const addrinfo *ai = addresses.get(); ai; ai = ai->ai_next) {
		Fd fd(::socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol));
		if (!fd)
			continue;
		// SO_SNDTIMEO bounds connect() as well
		timeval tv{};
		tv.tv_sec = 5;
		if (::setsockopt(raw(fd), SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) < 0)
			continue;
		if (::setsockopt(raw(fd), SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) < 0)
			continue;
		if (::connect(raw(fd), ai->ai_addr, ai->ai_addrlen) == 0)
			return fd;
		std::fprintf(stderr, "%s: %s\n", host, std::strerror(errno));
	}
	return nullptr;
}

bool is_stale(const sockaddr_un &addr)
{
	Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (!probe)
		return false;
	return ::connect(raw(probe), reinterpret_cast<const sockaddr *>(&addr), sizeof addr) < 0
	       && errno == ECONNREFUSED;
}

Fd serve_at(const char *path)
{
	sockaddr_un addr{};
	addr.sun_family = AF_UNIX;
	if (std::strlen(path) >= sizeof addr.sun_path)
		return nullptr;
	std::strcpy(addr.sun_path, path);

	Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	if (!fd)
		return nullptr;
	const auto *sa = reinterpret_cast<const sockaddr *>(&addr);
	if (::bind(raw(fd), sa, sizeof addr) < 0) {
		if (errno != EADDRINUSE || !is_stale(addr))
			return nullptr;
		::unlink(path);
		if (::bind(raw(fd), sa, sizeof addr) < 0)
			return nullptr;
	}
	if (::listen(raw(fd), 4) < 0) {
		::unlink(path);
		return nullptr;
	}
	return fd;
}

bool put(int fd, const char *data, std::size_t size)
{
	while (size > 0) {
		const ssize_t n = ::send(fd, data, size, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR && !stop_requested)
			continue;
		if (n <= 0)
			return false;
		data += n;
		size -= static_cast<std::size_t>(n);
	}
	return true;
}

void relay(const Fd &a, const Fd &b)
{
	std::array<char, 16384> block;
	std::array<pollfd, 2> fds{{{raw(a), POLLIN, 0}, {raw(b), POLLIN, 0}}};
	int open = 2;
	while (open > 0 && !stop_requested) {
		const int n = ::poll(fds.data(), fds.size(), 60000);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; // a minute of silence ends it
		for (std::size_t i = 0; i < 2; ++i) {
			if (!fds[i].revents)
				continue;
			const int other = fds[1 - i].fd >= 0 ? fds[1 - i].fd : raw(i ? a : b);
			const ssize_t got = ::recv(fds[i].fd, block.data(), block.size(), 0);
			if (got < 0 && (errno == EINTR || errno == EAGAIN))
				continue;
			if (got < 0)
				return;
			if (got == 0) {
				::shutdown(other, SHUT_WR);
				fds[i].fd = -1; // poll skips it; the owner closes it
				--open;
				continue;
			}
			if (!put(other, block.data(), static_cast<std::size_t>(got)))
				return;
		}
	}
}

} // namespace

int main(int argc, char **argv)
{
	if (argc != 4) {
		std::fprintf(stderr, "usage: %s SOCKET HOST PORT\n", argv[0]);
		return 64;
	}
	struct sigaction sa {};
	sa.sa_handler = on_signal;
	if (::sigaction(SIGINT, &sa, nullptr) < 0 || ::sigaction(SIGTERM, &sa, nullptr) < 0)
		return 71;

	std::unique_ptr<FILE, FileClose> log(std::fopen("fwd.log", "ae"));
	const Fd listener = serve_at(argv[1]);
	if (!listener) {
		std::fprintf(stderr, "%s: %s\n", argv[1], std::strerror(errno));
		return 1;
	}

	while (!stop_requested) {
		Fd client(::accept4(raw(listener), nullptr, nullptr, SOCK_CLOEXEC));
		if (!client) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
				break;
			::sleep(1);
			continue;
		}
		timeval tv{};
		tv.tv_sec = 10;
		if (::setsockopt(raw(client), SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) < 0)
			continue;
		const Fd upstream = dial(argv[2], argv[3]);
		if (!upstream)
			continue;
		if (log)
			std::fprintf(log.get(), "relay to %s:%s\n", argv[2], argv[3]);
		relay(client, upstream);
	}
	::unlink(argv[1]);
	return 0;
}
