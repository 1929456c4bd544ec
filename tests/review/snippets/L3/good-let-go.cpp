// What a container lets go of is ended, or somebody else has it.
#include <QHash>
#include <QList>
#include <QLocalServer>
#include <QLocalSocket>
#include <QObject>
#include <QTcpServer>
#include <QTcpSocket>
#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

class Closes {
public:
    void enter()
    {
        int fd = ::accept4(m_door, nullptr, nullptr, SOCK_CLOEXEC);

        if (fd >= 0)
            m_closed.push_back(fd);
    }
    void hear(int fd)
    {
        char c;

        if (::recv(fd, &c, 1, 0) <= 0) {
            ::close(fd);
            m_closed.erase(std::remove(m_closed.begin(), m_closed.end(), fd), m_closed.end());
        }
    }

private:
    int m_door = -1;
    std::vector<int> m_closed;
};

class CallerCloses {
public:
    void enter()
    {
        int fd = ::accept4(m_door, nullptr, nullptr, SOCK_CLOEXEC);

        if (fd >= 0)
            m_by_caller.insert(fd);
    }
    void forget(int fd) { m_by_caller.erase(fd); }
    void hear(int fd)
    {
        char c;

        if (::recv(fd, &c, 1, 0) <= 0) {
            forget(fd);
            ::close(fd);
        }
    }

private:
    int m_door = -1;
    std::set<int> m_by_caller;
};

class SaysSo {
public:
    void enter()
    {
        int fd = ::accept4(m_door, nullptr, nullptr, SOCK_CLOEXEC);

        if (fd >= 0)
            m_says.insert(fd);
    }
    bool hear(int fd)
    {
        char c;

        if (::recv(fd, &c, 1, 0) > 0)
            return true;
        m_says.erase(fd);
        return false;
    }
    void turn()
    {
        struct epoll_event events[8];
        int n = ::epoll_wait(m_poll, events, 8, 1000);

        for (int i = 0; i < n; i++)
            if (!hear(events[i].data.fd))
                ::close(events[i].data.fd);
    }

private:
    int m_door = -1, m_poll = -1;
    std::set<int> m_says;
};

class Moves {
public:
    void enter()
    {
        int fd = ::accept4(m_door, nullptr, nullptr, SOCK_CLOEXEC);

        if (fd >= 0)
            m_waiting.insert(fd);
    }
    void begin(int fd)
    {
        m_waiting.erase(fd);
        m_busy.insert(fd);
    }
    void end(int fd)
    {
        m_busy.erase(fd);
        ::close(fd);
    }

private:
    int m_door = -1;
    std::set<int> m_waiting, m_busy;
};

class Queue {
public:
    void enter()
    {
        int fd = ::accept4(m_door, nullptr, nullptr, SOCK_CLOEXEC);

        if (fd >= 0)
            m_queue.push_back(fd);
    }
    int next()
    {
        int fd = m_queue.front();

        m_queue.erase(m_queue.begin());
        return fd;
    }

private:
    int m_door = -1;
    std::deque<int> m_queue;
};

void talk(int fd);

class Threads {
public:
    void enter()
    {
        int fd = ::accept4(m_door, nullptr, nullptr, SOCK_CLOEXEC);

        if (fd < 0)
            return;
        m_with_thread.insert(fd);
        std::thread([fd] {
            talk(fd);
            ::close(fd);
        }).detach();
    }
    void forget(int fd) { m_with_thread.erase(fd); }

private:
    int m_door = -1;
    std::set<int> m_with_thread;
};

class Holder {
public:
    explicit Holder(int fd) : m_fd(fd) {}
    ~Holder() { ::close(m_fd); }

private:
    int m_fd;
};

class Beside {
public:
    void enter()
    {
        int fd = ::accept4(m_door, nullptr, nullptr, SOCK_CLOEXEC);

        if (fd < 0)
            return;
        m_holders[fd] = std::make_unique<Holder>(fd);
        m_beside.insert(fd);
    }
    void leave(int fd)
    {
        m_beside.erase(fd);
        m_holders.erase(fd);
    }

private:
    int m_door = -1;
    std::map<int, std::unique_ptr<Holder>> m_holders;
    std::set<int> m_beside;
};

class Lambda {
public:
    void enter()
    {
        int fd = ::accept4(m_door, nullptr, nullptr, SOCK_CLOEXEC);

        if (fd >= 0)
            m_by_lambda.push_back(fd);
    }
    void sweep()
    {
        m_by_lambda.erase(std::remove_if(m_by_lambda.begin(), m_by_lambda.end(),
                                         [](int fd) {
                                             char c;

                                             if (::recv(fd, &c, 1, MSG_DONTWAIT) != 0)
                                                 return false;
                                             ::close(fd);
                                             return true;
                                         }),
                          m_by_lambda.end());
    }

private:
    int m_door = -1;
    std::vector<int> m_by_lambda;
};

void hang_up(int fd);

class Unknown {
public:
    void enter()
    {
        int fd = ::accept4(m_door, nullptr, nullptr, SOCK_CLOEXEC);

        if (fd >= 0)
            m_unknown.insert(fd);
    }
    void leave(int fd)
    {
        hang_up(fd);
        m_unknown.erase(fd);
    }

private:
    int m_door = -1;
    std::set<int> m_unknown;
};

class Walks {
public:
    void enter()
    {
        int fd = ::accept4(m_door, nullptr, nullptr, SOCK_CLOEXEC);

        if (fd >= 0)
            m_walked.push_back(fd);
    }
    void turn()
    {
        for (auto it = m_walked.begin(); it != m_walked.end();) {
            char c;

            if (::recv(*it, &c, 1, MSG_DONTWAIT) == 0) {
                ::close(*it);
                it = m_walked.erase(it);
            } else {
                ++it;
            }
        }
    }

private:
    int m_door = -1;
    std::vector<int> m_walked;
};

class OwnEnd : public QObject {
    Q_OBJECT
public:
    explicit OwnEnd(QLocalSocket *s) : m_s(s)
    {
        s->setParent(this);
        connect(s, &QLocalSocket::disconnected, this, &OwnEnd::end);
    }
signals:
    void gone(OwnEnd *self);
private slots:
    void end()
    {
        emit gone(this);
        deleteLater();
    }

private:
    QLocalSocket *m_s;
};

class OwnEnds : public QObject {
    Q_OBJECT
private slots:
    void enter()
    {
        OwnEnd *own = new OwnEnd(m_door.nextPendingConnection());

        connect(own, &OwnEnd::gone, this, [this](OwnEnd *o) { m_own_ends.removeOne(o); });
        m_own_ends.append(own);
    }

private:
    QLocalServer m_door;
    QList<OwnEnd *> m_own_ends;
};

class Guest : public QObject {
    Q_OBJECT
public:
    explicit Guest(QLocalSocket *s) : m_s(s)
    {
        s->setParent(this);
        connect(s, &QLocalSocket::disconnected, this, &Guest::gone);
    }
signals:
    void gone();

private:
    QLocalSocket *m_s;
};

class Guests : public QObject {
    Q_OBJECT
private slots:
    void enter()
    {
        Guest *guest = new Guest(m_door.nextPendingConnection());

        connect(guest, &Guest::gone, this, [this, guest] {
            m_guests.removeOne(guest);
            guest->deleteLater();
        });
        m_guests.append(guest);
    }

private:
    QLocalServer m_door;
    QList<Guest *> m_guests;
};

class Call {
public:
    explicit Call(qintptr handle) { m_s.setSocketDescriptor(handle); }

private:
    QTcpSocket m_s;
};

class Exchange : public QTcpServer {
public:
    void leave(qintptr handle) { delete m_calls.take(handle); }

protected:
    void incomingConnection(qintptr handle) override { m_calls.insert(handle, new Call(handle)); }

private:
    QHash<qintptr, Call *> m_calls;
};

class Guided {
public:
    explicit Guided(qintptr handle) { m_s.setSocketDescriptor(handle); }

private:
    QTcpSocket m_s;
};

class Tours : public QTcpServer {
public:
    void leave(qintptr handle)
    {
        std::unique_ptr<Guided> gone(m_tours.value(handle));

        m_tours.remove(handle);
    }

protected:
    void incomingConnection(qintptr handle) override
    {
        Guided *guided = new Guided(handle);

        m_tours.insert(handle, guided);
    }

private:
    QHash<qintptr, Guided *> m_tours;
};
