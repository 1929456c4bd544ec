#include <QCoreApplication>
#include <QEventLoop>
#include <QLocalServer>
#include <QLocalSocket>
#include <QTcpServer>
#include <QTcpSocket>
#include <QThread>
#include <functional>

class ServerThread : public QThread
{
public:
    explicit ServerThread(const QString &name) : m_name(name) { }

protected:
    void run() override;

private:
    QString m_name;
};

// Deleted at the end of run(), and an early return before it.
void ServerThread::run()
{
    auto *server = new QLocalServer; // L2

    if (!server->listen(m_name)) {
        qWarning("no name");
        return;
    }
    exec();
    delete server;
}

// No early return, but a cancelled thread or an exception in exec().
static void serveOnce(const QString &name, std::function<void(QLocalServer *)> body)
{
    QLocalServer *server = new QLocalServer(); // L2

    if (server->listen(name))
        body(server);
    delete server;
}

// Never deleted.
static QString errorOf(const QString &name)
{
    QLocalServer *server = new QLocalServer; // L2

    if (server->listen(name))
        return QString();
    return server->errorString();
}

// The second of two.
static int bothBusy(const QString &name, quint16 port)
{
    QScopedPointer<QLocalServer> local(new QLocalServer);
    QTcpServer *tcp = new QTcpServer; // L2

    if (!local->listen(name))
        return 1;
    if (!tcp->listen(QHostAddress::LocalHost, port))
        return 2;
    delete tcp;
    return 0;
}

class Link : public QThread
{
public:
    Link() : m_socket(nullptr) { }

protected:
    // A member that only lives in run(), and a return that forgets it.
    void run() override
    {
        m_socket = new QTcpSocket; // L2
        if (!m_socket->setSocketDescriptor(descriptor()))
            return;
        exec();
        delete m_socket;
        m_socket = nullptr;
    }

private:
    qintptr descriptor() const;
    QTcpSocket *m_socket;
};

// A member without a parent that no method deletes.
class Panel : public QObject
{
public:
    Panel()
    {
        m_server = new QLocalServer; // L2
        connect(m_server, &QLocalServer::newConnection, this, &Panel::onConnection);
    }

private:
    void onConnection();
    QLocalServer *m_server;
};

// In a lambda.
static void later(QObject *owner, const QString &name)
{
    QMetaObject::invokeMethod(owner, [name] {
        QLocalServer *server = new QLocalServer; // L2
        if (!server->listen(name))
            return;
        QEventLoop().exec();
        delete server;
    });
}

#ifdef Q_OS_UNIX
static bool nameIsFree(const QString &name)
{
    QLocalServer *probe = new QLocalServer(nullptr); // L2
    bool free = probe->listen(name);

    if (!free)
        return false;
    probe->close();
    delete probe;
    return true;
}
#endif
