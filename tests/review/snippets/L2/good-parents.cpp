#include <QCoreApplication>
#include <QLocalServer>
#include <QLocalSocket>
#include <QSharedPointer>
#include <QTcpServer>
#include <QThread>
#include <memory>

class Daemon : public QObject
{
public:
    explicit Daemon(QObject *parent)
        : QObject(parent), m_server(new QLocalServer(this)), m_spare(nullptr)
    {
    }
    ~Daemon() override { delete m_spare; }

    QLocalServer *make(const QString &name);
    void spare();
    void hand(QList<QLocalServer *> &list);
    void later();

private:
    QLocalServer *m_server;
    QTcpServer *m_spare;
    std::unique_ptr<QLocalServer> m_owned;
};

// Returned to the caller.
QLocalServer *Daemon::make(const QString &name)
{
    QLocalServer *server = new QLocalServer(this);

    if (!server->listen(name)) {
        delete server;
        return nullptr;
    }
    return server;
}

// The destructor deletes it.
void Daemon::spare()
{
    m_spare = new QTcpServer;
    if (!m_spare->listen())
        return;
    m_owned.reset(new QLocalServer);
    m_owned = std::make_unique<QLocalServer>();
}

void Daemon::hand(QList<QLocalServer *> &list)
{
    QLocalServer *server = new QLocalServer;

    list.append(server);
}

// It ends itself.
void Daemon::later()
{
    QLocalSocket *socket = new QLocalSocket;

    connect(socket, &QLocalSocket::disconnected, socket, &QObject::deleteLater);
    connect(socket, &QLocalSocket::errorOccurred, socket, &QObject::deleteLater);
    socket->connectToServer("x");
}

static void onStack(const QString &name)
{
    QLocalServer server;

    if (!server.listen(name))
        return;
    QCoreApplication::exec();
}

static bool shared(const QString &name)
{
    QSharedPointer<QLocalServer> server(new QLocalServer);
    auto other = QSharedPointer<QTcpServer>::create();
    std::shared_ptr<QLocalServer> third(new QLocalServer, [](QLocalServer *s) { s->deleteLater(); });

    return server->listen(name) && other->listen() && third->listen(name + "2");
}

static QLocalServer *reparented(QObject *parent, const QString &name)
{
    auto server = new QLocalServer;

    server->setParent(parent);
    if (!server->listen(name))
        return nullptr;
    return server;
}

class Worker : public QThread
{
protected:
    void run() override
    {
        QScopedPointer<QTcpServer> server(new QTcpServer);

        if (!server->listen())
            return;
        exec();
    }
};

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    QLocalServer *server = new QLocalServer(&app);

    if (!server->listen("main"))
        return 1;
    onStack("a");
    return shared("b") && reparented(&app, "c") ? app.exec() : 1;
}
