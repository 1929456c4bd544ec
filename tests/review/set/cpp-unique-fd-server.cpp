// SPDX-License-Identifier: Apache-2.0
// correct: functions throw with descriptors open, bind() is preceded by unlink(), threads capture
// sockets; UniqueFd owns every descriptor, a lock proves that the path is stale, and all threads
// are joined
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <fcntl.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <list>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace {

[[noreturn]] void fail(const char *what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

class UniqueFd {
public:
    UniqueFd() noexcept = default;
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd &operator=(UniqueFd &&other) noexcept
    {
        if (this != &other)
            reset(std::exchange(other.fd_, -1));
        return *this;
    }
    UniqueFd(const UniqueFd &) = delete;
    UniqueFd &operator=(const UniqueFd &) = delete;
    ~UniqueFd() { reset(); }

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    void reset(int fd = -1) noexcept
    {
        if (fd_ >= 0)
            ::close(fd_);
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

// Holds PATH.lock for as long as the path is ours.
class PathClaim {
public:
    explicit PathClaim(std::string path) : path_(std::move(path))
    {
        const std::string lock = path_ + ".lock";
        lock_ = UniqueFd(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (!lock_)
            fail(lock.c_str());
        if (::flock(lock_.get(), LOCK_EX | LOCK_NB) < 0)
            fail("another server owns this path");
        if (::unlink(path_.c_str()) < 0 && errno != ENOENT)
            fail(path_.c_str());
    }
    ~PathClaim() { ::unlink(path_.c_str()); }
    PathClaim(const PathClaim &) = delete;
    PathClaim &operator=(const PathClaim &) = delete;

    const std::string &path() const { return path_; }

private:
    std::string path_;
    UniqueFd lock_;
};

UniqueFd listenOn(const std::string &path)
{
    sockaddr_un addr{};
    addr.sun_family = AF_UNIX;
    if (path.size() >= sizeof(addr.sun_path))
        throw std::invalid_argument("path too long: " + path);
    std::memcpy(addr.sun_path, path.c_str(), path.size() + 1);

    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd)
        fail("socket");
    if (::bind(fd.get(), reinterpret_cast<const sockaddr *>(&addr), sizeof(addr)) < 0)
        fail("bind");
    if (::listen(fd.get(), 32) < 0)
        fail("listen");
    return fd;
}

void setTimeouts(const UniqueFd &fd, int seconds)
{
    timeval tv{};
    tv.tv_sec = seconds;
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0
        || ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
        fail("setsockopt");
}

bool sendAll(const UniqueFd &fd, const char *data, std::size_t size)
{
    while (size > 0) {
        const ssize_t n = ::send(fd.get(), data, size, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return false;
        }
        data += n;
        size -= static_cast<std::size_t>(n);
    }
    return true;
}

void serve(UniqueFd client, const std::atomic<bool> &stopping)
{
    setTimeouts(client, 10);
    char block[4096];
    while (!stopping) {
        const ssize_t n = ::recv(client.get(), block, sizeof(block), 0);
        if (n == 0)
            return;
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return; // includes EAGAIN: ten silent seconds are enough
        }
        for (ssize_t i = 0; i < n; ++i)
            block[i] = static_cast<char>(block[i] >= 'a' && block[i] <= 'z' ? block[i] - 32 : block[i]);
        if (!sendAll(client, block, static_cast<std::size_t>(n)))
            return;
    }
}

class Server {
public:
    explicit Server(const std::string &path) : claim_(path), listener_(listenOn(path)) {}

    ~Server()
    {
        stopping_ = true;
        for (Worker &w : workers_)
            w.thread.join();
    }

    void run(int stop)
    {
        pollfd fds[2] = {{listener_.get(), POLLIN, 0}, {stop, POLLIN, 0}};
        for (;;) {
            if (::poll(fds, 2, -1) < 0) {
                if (errno == EINTR)
                    continue;
                fail("poll");
            }
            if (fds[1].revents)
                return;
            if (fds[0].revents)
                acceptOne();
            reap();
        }
    }

private:
    struct Worker {
        std::thread thread;
        std::shared_ptr<std::atomic<bool>> done;
    };

    void acceptOne()
    {
        UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!client) {
            switch (errno) {
            case EMFILE:
            case ENFILE:
            case ENOBUFS:
            case ENOMEM:
                std::this_thread::sleep_for(std::chrono::milliseconds(200));
                return;
            case EAGAIN:
            case EINTR:
            case ECONNABORTED:
                return;
            default:
                fail("accept");
            }
        }
        auto done = std::make_shared<std::atomic<bool>>(false);
        workers_.push_back({});
        Worker &w = workers_.back();
        w.done = done;
        try {
            w.thread = std::thread([this, client = std::move(client), done]() mutable {
                try {
                    serve(std::move(client), stopping_);
                } catch (const std::exception &e) {
                    std::fprintf(stderr, "connection: %s\n", e.what());
                }
                *done = true;
            });
        } catch (const std::system_error &e) {
            workers_.pop_back();
            std::fprintf(stderr, "no thread: %s\n", e.what());
        }
    }

    void reap()
    {
        for (auto it = workers_.begin(); it != workers_.end();) {
            if (*it->done) {
                it->thread.join();
                it = workers_.erase(it);
            } else {
                ++it;
            }
        }
    }

    PathClaim claim_;
    UniqueFd listener_;
    std::atomic<bool> stopping_{false};
    std::list<Worker> workers_;
};

} // namespace

int main(int argc, char **argv)
try {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s PATH\n", argv[0]);
        return 64;
    }
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) < 0)
        fail("sigprocmask");
    UniqueFd stop(::signalfd(-1, &set, SFD_CLOEXEC));
    if (!stop)
        fail("signalfd");
    Server server(argv[1]);
    server.run(stop.get());
    return 0;
} catch (const std::exception &e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
