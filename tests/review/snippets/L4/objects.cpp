#include <QLocalSocket>
#include <QTcpSocket>
#include <memory>
#include <unistd.h>

static void afterDelete(QLocalSocket *socket)
{
    delete socket;
    socket->abort(); // L4
}

static void twice(QTcpSocket *socket, bool broken)
{
    if (broken)
        delete socket;
    else
        socket->abort();
    if (broken)
        delete socket; // L4
}

class Fd
{
public:
    explicit Fd(int fd) : m_fd(fd) { }
    ~Fd()
    {
        if (m_fd >= 0)
            ::close(m_fd);
    }
    Fd(Fd &&other) noexcept : m_fd(other.m_fd) { other.m_fd = -1; }
    Fd(const Fd &) = delete;
    void reset(int fd)
    {
        if (m_fd >= 0)
            ::close(m_fd);
        m_fd = fd;
    }

private:
    int m_fd;
};

// Asked for, and still there until the event loop runs.
static void later(QLocalSocket *socket)
{
    socket->deleteLater();
    socket->abort();
}

class Holder
{
public:
    ~Holder() { delete m_socket; }
    void drop()
    {
        delete m_socket;
        m_socket = nullptr;
    }
    void again()
    {
        delete m_socket;
        m_socket = new QLocalSocket;
        m_socket->abort();
    }

private:
    QLocalSocket *m_socket = nullptr;
};
