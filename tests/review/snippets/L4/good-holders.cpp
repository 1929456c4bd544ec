// A holder that let go of its descriptor, that could not take it, or that has another one.
#include <QLocalSocket>
#include <QTcpServer>
#include <QTcpSocket>
#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

bool tcp(int door)
{
    int fd = ::accept4(door, nullptr, nullptr, SOCK_CLOEXEC);

    if (fd < 0)
        return false;
    QTcpSocket socket;
    bool taken = socket.setSocketDescriptor(fd);
    if (!taken)
        ::close(fd);
    return taken;
}

bool copy(QTcpSocket *socket, int fd)
{
    int other = ::dup(fd);

    if (other < 0)
        return false;
    if (!socket->setSocketDescriptor(other)) {
        ::close(other);
        return false;
    }
    ::close(fd);
    return true;
}

class Guard {
public:
    explicit Guard(int fd = -1) : fd_(fd) {}
    Guard(Guard &&other) : fd_(other.release()) {}
    ~Guard() { reset(); }
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    void reset(int fd = -1)
    {
        if (fd_ >= 0)
            ::close(fd_);
        fd_ = fd;
    }

private:
    int fd_;
};

bool released(const char *path)
{
    int fd = ::open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    Guard guard(fd);
    bool good = ::lseek(guard.get(), 0, SEEK_END) >= 0;
    guard.release();
    ::close(fd);
    return good;
}

bool replaced(const char *path)
{
    int fd = ::open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    Guard guard(fd);
    guard.reset();
    fd = ::open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ::close(fd);
    return true;
}

bool ofACopy(const char *path)
{
    int fd = ::open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    Guard guard(::dup(fd));
    ::close(fd);
    return guard.get() >= 0;
}

class View {
public:
    explicit View(int fd) : fd_(fd) {}
    ~View() { ::lseek(fd_, 0, SEEK_SET); }

private:
    int fd_;
};

bool watched(const char *path)
{
    int fd = ::open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    {
        View view(fd);
    }
    ::close(fd);
    return true;
}

class Copier {
public:
    explicit Copier(int fd) : fd_(::dup(fd)) {}
    ~Copier()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }

private:
    int fd_;
};

bool copied(const char *path)
{
    int fd = ::open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    Copier copier(fd);
    ::close(fd);
    return true;
}

void take(Guard guard);

bool moved(const char *path)
{
    int fd = ::open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    Guard guard(fd);
    fd = -1;
    take(std::move(guard));
    if (fd >= 0)
        ::close(fd);
    return true;
}

bool smartLetsGo(const char *path)
{
    FILE *f = std::fopen(path, "re");

    if (!f)
        return false;
    std::unique_ptr<FILE, int (*)(FILE *)> owner(f, fclose);
    std::fputs("hello\n", f);
    owner.release();
    return fclose(f) == 0;
}

int keep(FILE *);

bool smartWatches(const char *path)
{
    FILE *f = std::fopen(path, "re");

    if (!f)
        return false;
    std::unique_ptr<FILE, int (*)(FILE *)> owner(f, keep);
    std::fputs("hello\n", f);
    return fclose(f) == 0;
}
