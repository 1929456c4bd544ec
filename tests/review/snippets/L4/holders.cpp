// Sockets of Qt and guards of one's own close the descriptor that they were given.
#include <QLocalServer>
#include <QLocalSocket>
#include <QTcpServer>
#include <QTcpSocket>
#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <sys/socket.h>
#include <unistd.h>

bool tcp(int door)
{
    int fd = ::accept4(door, nullptr, nullptr, SOCK_CLOEXEC);

    if (fd < 0)
        return false;
    QTcpSocket socket;
    if (!socket.setSocketDescriptor(fd)) {
        ::close(fd);
        return false;
    }
    socket.write("hello\n");
    if (!socket.waitForBytesWritten(1000))
        return false;
    ::close(fd); // L4
    return true;
}

QLocalSocket *local(QObject *parent, int fd)
{
    QLocalSocket *socket = new QLocalSocket(parent);

    if (!socket->setSocketDescriptor(fd)) {
        delete socket;
        ::close(fd);
        return nullptr;
    }
    ::close(fd); // L4
    return socket;
}

bool serve(QTcpServer *server, const sockaddr *at, socklen_t size)
{
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    if (::bind(fd, at, size) < 0 || ::listen(fd, 16) < 0) {
        ::close(fd);
        return false;
    }
    if (!server->setSocketDescriptor(fd)) {
        ::close(fd);
        return false;
    }
    ::close(fd); // L4
    return true;
}

bool serveLocal(QLocalServer *server, int fd)
{
    if (!server->listen(fd)) {
        ::close(fd);
        return false;
    }
    ::close(fd); // L4
    return true;
}

class Guard {
public:
    explicit Guard(int fd) : fd_(fd) {}
    ~Guard()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    Guard(const Guard &) = delete;
    Guard &operator=(const Guard &) = delete;
    int get() const { return fd_; }

private:
    int fd_;
};

bool guarded(const char *path)
{
    int fd = ::open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    Guard guard(fd);
    if (::lseek(guard.get(), 0, SEEK_END) < 0) {
        ::close(fd); // L4
        return false;
    }
    return true;
}

bool guardedByHand(const char *path)
{
    int fd = ::open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    Guard guard{fd};
    bool good = ::lseek(fd, 0, SEEK_END) >= 0;
    ::close(fd); // L4
    return good;
}

bool smart(const char *path)
{
    FILE *f = std::fopen(path, "re");

    if (!f)
        return false;
    std::unique_ptr<FILE, int (*)(FILE *)> owner(f, fclose);
    std::fputs("hello\n", f);
    fclose(f); // L4
    return true;
}
