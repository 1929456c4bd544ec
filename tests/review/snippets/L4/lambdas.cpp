// Lambdas that whoever sends the signal keeps, after what they use is gone.
#include <QCoreApplication>
#include <QEventLoop>
#include <QLocalServer>
#include <QLocalSocket>
#include <QTcpSocket>
#include <QTimer>

void say(const QByteArray &what);

class Client : public QObject {
    Q_OBJECT
public:
    void bad_all()
    {
        QByteArray all;

        connect(m_socket, &QLocalSocket::readyRead, [&] { all += m_socket->readAll(); }); // L4
    }
    void bad_named()
    {
        int turns = 0;

        connect(m_socket, &QLocalSocket::readyRead, this, [this, &turns] { // L4
            say(m_socket->readAll());
            turns++;
        });
    }
    void bad_new()
    {
        bool done = false;
        auto *timer = new QTimer(this);

        connect(timer, &QTimer::timeout, [&done] { done = true; }); // L4
        timer->start(1000);
    }
    void good_value()
    {
        int turns = 0;

        connect(m_socket, &QLocalSocket::readyRead, this, [this, turns] { say(m_socket->readAll() + char(turns)); });
    }
    void good_loop()
    {
        QByteArray all;
        QEventLoop loop;

        connect(m_socket, &QLocalSocket::readyRead, &loop, [&] { all += m_socket->readAll(); });
        connect(m_socket, &QLocalSocket::disconnected, [&] { loop.quit(); });
        loop.exec();
        say(all);
    }
    void good_waits()
    {
        QByteArray all;

        connect(m_socket, &QLocalSocket::readyRead, [&] { all += m_socket->readAll(); });
        if (m_socket->waitForReadyRead(1000))
            say(all);
        m_socket->disconnect();
    }
    void good_ended()
    {
        QByteArray all;
        auto c = connect(m_socket, &QLocalSocket::readyRead, [&] { all += m_socket->readAll(); });

        m_socket->flush();
        disconnect(c);
    }
    void good_own()
    {
        QLocalSocket socket;
        QByteArray all;

        connect(&socket, &QLocalSocket::readyRead, [&] { all += socket.readAll(); });
        say(all);
    }
    void good_static()
    {
        static QByteArray all;

        connect(m_socket, &QLocalSocket::readyRead, [&] { all += m_socket->readAll(); });
    }
    void good_members()
    {
        connect(m_socket, &QLocalSocket::readyRead, [&] { m_all += m_socket->readAll(); });
    }
    void good_mixed()
    {
        QByteArray all;

        connect(m_socket, &QLocalSocket::readyRead, this, [&, all] { m_all += all + m_socket->readAll(); });
    }

private:
    QLocalSocket *m_socket = new QLocalSocket(this);
    QByteArray m_all;
};

void bad_free(QTcpSocket *socket)
{
    int bytes = 0;

    QObject::connect(socket, &QTcpSocket::readyRead, [&] { bytes += socket->readAll().size(); }); // L4
}

class Session : public QObject {
    Q_OBJECT
public:
    explicit Session(QLocalSocket *socket) : m_socket(socket)
    {
        socket->setParent(this);
        connect(socket, &QLocalSocket::disconnected, this, &QObject::deleteLater);
        connect(qApp, &QCoreApplication::aboutToQuit, [this] { m_socket->write("bye"); }); // L4
        connect(socket, &QLocalSocket::readyRead, [this] { say(m_socket->readAll()); });
    }

private:
    QLocalSocket *m_socket;
};

class Leaves : public QObject {
    Q_OBJECT
public:
    explicit Leaves(QLocalSocket *socket) : m_socket(socket)
    {
        connect(QCoreApplication::instance(), &QCoreApplication::aboutToQuit, [=] { close(); }); // L4
    }
    void close()
    {
        m_socket->abort();
        deleteLater();
    }

private:
    QLocalSocket *m_socket;
};

class WithContext : public QObject {
    Q_OBJECT
public:
    explicit WithContext(QLocalSocket *socket) : m_socket(socket)
    {
        connect(qApp, &QCoreApplication::aboutToQuit, this, [this] { m_socket->write("bye"); });
        connect(socket, &QLocalSocket::disconnected, this, &QObject::deleteLater);
    }

private:
    QLocalSocket *m_socket;
};

class Stays : public QObject {
    Q_OBJECT
public:
    explicit Stays(QLocalSocket *socket) : m_socket(socket)
    {
        connect(qApp, &QCoreApplication::aboutToQuit, [this] { m_socket->write("bye"); });
    }

private:
    QLocalSocket *m_socket;
};

class Disconnects : public QObject {
    Q_OBJECT
public:
    explicit Disconnects(QLocalSocket *socket) : m_socket(socket)
    {
        connect(qApp, &QCoreApplication::aboutToQuit, [this] { m_socket->write("bye"); });
        connect(socket, &QLocalSocket::disconnected, this, &QObject::deleteLater);
    }
    ~Disconnects() override { qApp->disconnect(); }

private:
    QLocalSocket *m_socket;
};

class Quiet : public QObject {
    Q_OBJECT
public:
    explicit Quiet(QLocalSocket *socket)
    {
        connect(qApp, &QCoreApplication::aboutToQuit, [] { say("bye"); });
        connect(socket, &QLocalSocket::disconnected, this, &QObject::deleteLater);
    }
};
