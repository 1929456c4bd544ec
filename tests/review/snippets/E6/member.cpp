#include <cerrno>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

class Link {
public:
    explicit Link(int listener) : fd_(::accept(listener, nullptr, nullptr)) {}
    ~Link()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    bool say(const std::string &text);

private:
    int fd_ = -1;
};

bool Link::say(const std::string &text)
{
    size_t at = 0;

    while (at < text.size()) {
        ssize_t n = ::send(fd_, text.data() + at, text.size() - at, 0); // E6
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += static_cast<size_t>(n);
    }
    return true;
}
