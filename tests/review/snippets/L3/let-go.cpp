// Accepted descriptors, and objects made for connections, that a container lets go of: nobody ends them, or somebody does.
#include <QHash>
#include <QList>
#include <QLocalServer>
#include <QLocalSocket>
#include <QObject>
#include <QTcpServer>
#include <QTcpSocket>
#include <algorithm>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

class Erases {
public:
    void enter()
    {
        int fd = ::accept4(m_door, nullptr, nullptr, SOCK_CLOEXEC);

        if (fd >= 0)
            m_erased.push_back(fd);
    }
    void hear(int fd)
    {
        char c;

        if (::recv(fd, &c, 1, 0) <= 0)
            m_erased.erase(std::remove(m_erased.begin(), m_erased.end(), fd), m_erased.end()); // L3
    }

private:
    int m_door = -1;
    std::vector<int> m_erased;
};

class OneWay {
public:
    void enter()
    {
        int fd = ::accept4(m_door, nullptr, nullptr, SOCK_CLOEXEC);

        if (fd >= 0)
            m_one_way.insert(fd);
    }
    void hear(int fd)
    {
        char c;
        ssize_t n = ::recv(fd, &c, 1, 0);

        if (n == 0) {
            ::close(fd);
            m_one_way.erase(fd);
        } else if (n < 0) {
            m_one_way.erase(fd); // L3
        }
    }

private:
    int m_door = -1;
    std::set<int> m_one_way;
};

class Named {
public:
    void enter()
    {
        int fd = ::accept4(m_door, nullptr, nullptr, SOCK_CLOEXEC);

        if (fd >= 0)
            m_named.emplace(fd, "nobody");
    }
    void leave(int fd) { m_named.erase(fd); } // L3
    void hear(int fd)
    {
        char c;

        if (::recv(fd, &c, 1, 0) <= 0)
            leave(fd);
    }

private:
    int m_door = -1;
    std::map<int, std::string> m_named;
};

class Listed {
public:
    void enter()
    {
        int fd = ::accept4(m_door, nullptr, nullptr, SOCK_CLOEXEC);

        if (fd >= 0)
            m_listed.append(fd);
    }
    void hear(int i)
    {
        char c;

        if (::recv(m_listed.at(i), &c, 1, 0) <= 0)
            m_listed.removeAt(i); // L3
    }

private:
    int m_door = -1;
    QList<int> m_listed;
};

class Session : public QObject {
    Q_OBJECT
public:
    explicit Session(QLocalSocket *s) : m_s(s)
    {
        connect(s, &QLocalSocket::disconnected, this, &Session::gone);
    }
signals:
    void gone();

private:
    QLocalSocket *m_s;
};

class Host : public QObject {
    Q_OBJECT
private slots:
    void enter()
    {
        QLocalSocket *s = m_door.nextPendingConnection();
        Session *session = new Session(s);

        connect(s, &QLocalSocket::disconnected, s, &QObject::deleteLater);
        connect(session, &Session::gone, this, [this, session] { m_sessions.removeOne(session); }); // L3
        m_sessions.append(session);
    }

private:
    QLocalServer m_door;
    QList<Session *> m_sessions;
};

class Visit {
public:
    explicit Visit(qintptr handle) { m_s.setSocketDescriptor(handle); }
    bool is(int id) const { return m_id == id; }

private:
    QTcpSocket m_s;
    int m_id = 0;
};

class Inn : public QTcpServer {
public:
    int full() const { return m_visits.size(); }

protected:
    void incomingConnection(qintptr handle) override
    {
        Visit *visit = new Visit(handle); // L3

        m_visits.append(visit);
    }

private:
    QList<Visit *> m_visits;
};

class Club : public QTcpServer {
public:
    ~Club() override { qDeleteAll(m_members); }
    void leave(qintptr handle) { m_members.remove(handle); } // L3

protected:
    void incomingConnection(qintptr handle) override { m_members.insert(handle, new Member(handle)); }

private:
    class Member {
    public:
        explicit Member(qintptr handle) { m_s.setSocketDescriptor(handle); }

    private:
        QTcpSocket m_s;
    };
    QHash<qintptr, Member *> m_members;
};
