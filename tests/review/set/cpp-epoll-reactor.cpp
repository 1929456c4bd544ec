// SPDX-License-Identifier: Apache-2.0
// correct: epoll_wait(-1), EAGAIN that ends loops, descriptors stored as plain ints in events, a
// name never unlinked; it is an event loop, connections own their descriptors, and the name is
// abstract
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <unordered_map>
#include <vector>

namespace bus {

constexpr std::size_t max_frame = 64 * 1024;
constexpr std::size_t max_backlog = 1024 * 1024;

[[noreturn]] static void raise_errno(const char* what)
{
	throw std::system_error(errno, std::system_category(), what);
}

class connection {
public:
	explicit connection(int fd) : fd_(fd) {}
	~connection() { ::close(fd_); }
	connection(const connection&) = delete;
	connection& operator=(const connection&) = delete;

	int fd() const { return fd_; }
	bool wants_write() const { return sent_ < out_.size(); }

	// false: the connection is over
	bool read_some(std::vector<std::string>& frames)
	{
		char block[8192];
		for (int rounds = 0; rounds < 16; ++rounds) {
			const ssize_t n = ::recv(fd_, block, sizeof(block), 0);
			if (n == 0)
				return false;
			if (n < 0) {
				if (errno == EINTR)
					continue;
				if (errno == EAGAIN || errno == EWOULDBLOCK)
					break;
				return false;
			}
			in_.append(block, static_cast<std::size_t>(n));
			if (!split(frames))
				return false;
		}
		return true;
	}

	bool enqueue(const std::string& frame)
	{
		if (out_.size() - sent_ + frame.size() + 4 > max_backlog)
			return false;
		const auto size = static_cast<std::uint32_t>(frame.size());
		char head[4] = {char(size >> 24), char(size >> 16), char(size >> 8), char(size)};
		out_.append(head, 4).append(frame);
		return true;
	}

	bool write_some()
	{
		while (wants_write()) {
			const ssize_t n =
				::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
			if (n < 0) {
				if (errno == EINTR)
					continue;
				return errno == EAGAIN || errno == EWOULDBLOCK;
			}
			sent_ += static_cast<std::size_t>(n);
		}
		out_.clear();
		sent_ = 0;
		return true;
	}

private:
	bool split(std::vector<std::string>& frames)
	{
		std::size_t at = 0;
		while (in_.size() - at >= 4) {
			const auto* p = reinterpret_cast<const unsigned char*>(in_.data() + at);
			const std::size_t size = (std::size_t(p[0]) << 24) | (std::size_t(p[1]) << 16)
				| (std::size_t(p[2]) << 8) | p[3];
			if (size > max_frame)
				return false;
			if (in_.size() - at - 4 < size)
				break;
			frames.emplace_back(in_, at + 4, size);
			at += 4 + size;
		}
		in_.erase(0, at);
		return true;
	}

	int fd_;
	std::string in_, out_;
	std::size_t sent_ = 0;
};

class reactor {
public:
	explicit reactor(const std::string& name)
	{
		try {
			epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
			if (epoll_ < 0)
				raise_errno("epoll_create1");
			spare_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
			if (spare_ < 0)
				raise_errno("/dev/null");
			listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
			if (listener_ < 0)
				raise_errno("socket");
			bind_abstract(name);
			if (::listen(listener_, SOMAXCONN) < 0)
				raise_errno("listen");
			watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
		} catch (...) {
			close_all();
			throw;
		}
	}
	~reactor() { close_all(); }
	reactor(const reactor&) = delete;
	reactor& operator=(const reactor&) = delete;

	[[noreturn]] void run()
	{
		epoll_event events[64];
		for (;;) {
			const int n = ::epoll_wait(epoll_, events, 64, -1);
			if (n < 0) {
				if (errno == EINTR)
					continue;
				raise_errno("epoll_wait");
			}
			for (int i = 0; i < n; ++i) {
				if (events[i].data.fd == listener_)
					accept_all();
				else
					serve(events[i].data.fd, events[i].events);
			}
		}
	}

private:
	void bind_abstract(const std::string& name)
	{
		sockaddr_un sa{};
		sa.sun_family = AF_UNIX;
		if (name.empty() || name.size() > sizeof(sa.sun_path) - 1)
			throw std::length_error("name");
		std::memcpy(sa.sun_path + 1, name.data(), name.size());
		const auto len = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
		if (::bind(listener_, reinterpret_cast<sockaddr*>(&sa), len) < 0)
			raise_errno("bind");
	}

	void watch(int op, int fd, std::uint32_t mask)
	{
		epoll_event ev{};
		ev.events = mask;
		ev.data.fd = fd;
		if (::epoll_ctl(epoll_, op, fd, &ev) < 0)
			raise_errno("epoll_ctl");
	}

	void accept_all()
	{
		for (;;) {
			const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
			if (fd < 0) {
				if (errno == EINTR || errno == ECONNABORTED)
					continue;
				if (errno == EAGAIN || errno == EWOULDBLOCK)
					return;
				if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
					shed_one();
					return;
				}
				raise_errno("accept4");
			}
			auto conn = std::make_unique<connection>(fd);
			watch(EPOLL_CTL_ADD, fd, EPOLLIN);
			peers_.emplace(fd, std::move(conn));
		}
	}

	// gives the spare descriptor away to take one connection off the queue
	void shed_one()
	{
		if (spare_ >= 0) {
			::close(spare_);
			const int victim = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
			if (victim >= 0)
				::close(victim);
		}
		::usleep(20000);
		spare_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
	}

	void serve(int fd, std::uint32_t mask)
	{
		const auto it = peers_.find(fd);
		if (it == peers_.end())
			return;
		std::vector<std::string> frames;
		const bool alive = !(mask & (EPOLLIN | EPOLLHUP | EPOLLERR)) || it->second->read_some(frames);
		for (const auto& frame : frames)
			broadcast(fd, frame);
		if (!alive || !it->second->write_some()) {
			peers_.erase(it);
			return;
		}
		watch(EPOLL_CTL_MOD, fd, EPOLLIN | (it->second->wants_write() ? EPOLLOUT : 0u));
	}

	void broadcast(int from, const std::string& frame)
	{
		for (auto it = peers_.begin(); it != peers_.end();) {
			connection& peer = *it->second;
			if (peer.fd() != from && (!peer.enqueue(frame) || !peer.write_some())) {
				it = peers_.erase(it);
				continue;
			}
			if (peer.wants_write())
				watch(EPOLL_CTL_MOD, peer.fd(), EPOLLIN | EPOLLOUT);
			++it;
		}
	}

	void close_all()
	{
		peers_.clear();
		for (int* fd : {&listener_, &spare_, &epoll_}) {
			if (*fd >= 0)
				::close(*fd);
			*fd = -1;
		}
	}

	int epoll_ = -1, spare_ = -1, listener_ = -1;
	std::unordered_map<int, std::unique_ptr<connection>> peers_;
};

} // namespace bus

int main(int argc, char** argv)
{
	try {
		bus::reactor(argc > 1 ? argv[1] : "framebus").run();
	} catch (const std::exception& e) {
		std::fprintf(stderr, "framebus: %s\n", e.what());
		return 1;
	}
}
