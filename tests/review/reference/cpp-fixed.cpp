// A clock that a thread serves over a local socket, and a client that asks it for the time.

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <iostream>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

static const std::string serverPath = "/run/user/1000/clock";
static std::atomic<bool> stopping{false};

// Closes what it holds, whatever way its scope ends.
class Descriptor
{
public:
    explicit Descriptor(int fd) : m_fd(fd) {}
    ~Descriptor()
    {
        if (m_fd >= 0)
            ::close(m_fd);
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    int get() const { return m_fd; }

private:
    int m_fd;
};

static sockaddr_un addressOf(const std::string &path)
{
    sockaddr_un address{};

    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        throw std::invalid_argument("path too long");
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

static bool limitWaits(int fd)
{
    const timeval limit{1, 0};

    return ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0
        && ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0;
}

static bool sendAll(int fd, const std::string &text)
{
    size_t at = 0;

    while (at < text.size()) {
        const ssize_t n = ::send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += static_cast<size_t>(n);
    }
    return true;
}

static void serve(const std::string &path)
{
    const sockaddr_un address = addressOf(path);
    Descriptor server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

    if (server.get() < 0)
        throw std::runtime_error("socket");
    if (::bind(server.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) < 0)
        throw std::runtime_error("bind");
    if (::listen(server.get(), 8) < 0) {
        ::unlink(path.c_str());
        throw std::runtime_error("listen");
    }
    while (!stopping) {
        pollfd set{server.get(), POLLIN, 0};
        if (::poll(&set, 1, 500) <= 0)
            continue;
        Descriptor peer(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (peer.get() < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
            else if (errno != EINTR && errno != EAGAIN && errno != ECONNABORTED)
                break;
            continue;
        }
        if (!limitWaits(peer.get()) || !sendAll(peer.get(), std::to_string(std::time(nullptr)) + "\n"))
            std::cerr << "a client went away\n";
    }
    ::unlink(path.c_str());
}

static std::string askTime(const std::string &path)
{
    const sockaddr_un address = addressOf(path);
    Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    std::string text;
    char part[64];
    int attempt = 0;

    if (fd.get() < 0 || !limitWaits(fd.get()))
        throw std::runtime_error("socket");
    while (::connect(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) < 0) {
        if (++attempt == 10)
            throw std::runtime_error("the clock does not answer");
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    // To the end: the server closes when it has told the time.
    while (text.size() < 1000) {
        const ssize_t n = ::read(fd.get(), part, sizeof(part));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            throw std::runtime_error("read");
        if (n == 0)
            break;
        text.append(part, static_cast<size_t>(n));
    }
    return text;
}

int main()
{
    std::thread server([] {
        try {
            serve(serverPath);
        } catch (const std::exception &e) {
            std::cerr << e.what() << '\n';
        }
    });

    try {
        std::cout << askTime(serverPath);
    } catch (const std::exception &e) {
        std::cerr << e.what() << '\n';
    }
    stopping = true;
    server.join();
    return 0;
}
