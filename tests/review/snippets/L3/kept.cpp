// Accepted connections that a container or another object keeps: for ever, or until somebody ends them.
#include <QList>
#include <QLocalServer>
#include <QLocalSocket>
#include <QTcpServer>
#include <QTcpSocket>
#include <QVector>
#include <memory>
#include <vector>

class Hall : public QObject {
    Q_OBJECT
private slots:
    void enter()
    {
        QLocalSocket *s = m_door.nextPendingConnection(); // L3

        if (!s)
            return;
        connect(s, &QLocalSocket::readyRead, this, &Hall::hear);
        m_all.push_back(s);
    }
    void hear()
    {
        for (QLocalSocket *s : m_all)
            s->write("heard\n");
    }
    int heads() const { return m_all.size(); }

private:
    QLocalServer m_door;
    QVector<QLocalSocket *> m_all;
};

class Yard : public QTcpServer {
    Q_OBJECT
private slots:
    void enter()
    {
        while (hasPendingConnections()) {
            QTcpSocket *guest = nextPendingConnection(); // L3

            guests_.append(guest);
        }
    }

private:
    QList<QTcpSocket *> guests_;
};

class Booth : public QObject {
    Q_OBJECT
public:
    void use(QLocalSocket *s)
    {
        m_s = s;
        connect(s, &QLocalSocket::readyRead, this, &Booth::hear);
    }
private slots:
    void hear() { m_last = m_s->readLine(); }

private:
    QLocalSocket *m_s = nullptr;
    QByteArray m_last;
};

class Gate : public QObject {
    Q_OBJECT
private slots:
    void open()
    {
        QLocalSocket *s = m_door.nextPendingConnection(); // L3

        if (s)
            m_booth.use(s);
    }

private:
    QLocalServer m_door;
    Booth m_booth;
};

// From here on all is right.

class Swept : public QObject {
    Q_OBJECT
private slots:
    void enter()
    {
        if (QLocalSocket *s = m_door.nextPendingConnection()) {
            connect(s, &QLocalSocket::disconnected, this, &Swept::sweep);
            m_swept.append(s);
        }
    }
    void sweep()
    {
        QLocalSocket *s = qobject_cast<QLocalSocket *>(sender());

        m_swept.removeAll(s);
        s->deleteLater();
    }

private:
    QLocalServer m_door;
    QList<QLocalSocket *> m_swept;
};

void end_of(QLocalSocket *s);

class Given : public QObject {
    Q_OBJECT
private slots:
    void enter()
    {
        QLocalSocket *s = m_door.nextPendingConnection();

        m_given.append(s);
    }
    void tick()
    {
        for (QLocalSocket *s : m_given)
            end_of(s);
    }

private:
    QLocalServer m_door;
    QList<QLocalSocket *> m_given;
};

class Owned : public QObject {
    Q_OBJECT
private slots:
    void enter() { m_owned.emplace_back(m_door.nextPendingConnection()); }

private:
    QLocalServer m_door;
    std::vector<std::unique_ptr<QLocalSocket>> m_owned;
};

class Taken : public QObject {
    Q_OBJECT
public:
    QLocalSocket *next() { return m_queue.takeFirst(); }
private slots:
    void enter()
    {
        QLocalSocket *s = m_door.nextPendingConnection();

        m_queue.append(s);
    }

private:
    QLocalServer m_door;
    QList<QLocalSocket *> m_queue;
};

class Desk : public QObject {
    Q_OBJECT
public:
    ~Desk() override { delete m_line; }
    void use(QLocalSocket *s)
    {
        delete m_line;
        m_line = s;
    }

private:
    QLocalSocket *m_line = nullptr;
};

class Lobby : public QObject {
    Q_OBJECT
private slots:
    void open()
    {
        QLocalSocket *s = m_door.nextPendingConnection();

        if (s)
            m_desk.use(s);
    }

private:
    QLocalServer m_door;
    Desk m_desk;
};
