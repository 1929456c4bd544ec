#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

// When a constructor throws, the destructor of its object does not run.
class Listener
{
public:
    Listener(const sockaddr *address, socklen_t size)
        : fd_(-1)
    {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd_ < 0)
            throw std::runtime_error("socket");
        if (::bind(fd_, address, size) < 0)
            throw std::runtime_error("bind"); // L1
    }
    ~Listener()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    Listener(const Listener &) = delete;
    Listener &operator=(const Listener &) = delete;

private:
    int fd_;
};

class Careful
{
public:
    explicit Careful(const sockaddr *address, socklen_t size)
    {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd_ < 0)
            throw std::runtime_error("socket");
        if (::bind(fd_, address, size) < 0) {
            ::close(fd_);
            throw std::runtime_error("bind");
        }
    }
    ~Careful() { ::close(fd_); }
    Careful(const Careful &) = delete;
    Careful &operator=(const Careful &) = delete;

private:
    int fd_;
};

int counted(const sockaddr *address, socklen_t size)
{
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        throw std::runtime_error("socket");
    if (::bind(fd, address, size) < 0)
        throw std::runtime_error("bind"); // L1
    return fd;
}

int caught(const sockaddr *address, socklen_t size)
{
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    try {
        if (::bind(fd, address, size) < 0)
            throw std::runtime_error("bind");
    } catch (const std::exception &) {
        ::close(fd);
        return -1;
    }
    return fd;
}
