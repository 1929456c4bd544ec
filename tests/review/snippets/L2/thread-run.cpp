// In QThread::run() the thread object is no parent: it lives in the thread that made it.
#include <QLocalServer>
#include <QLocalSocket>
#include <QScopedPointer>
#include <QThread>

class Worker : public QThread {
    Q_OBJECT
protected:
    void run() override
    {
        QLocalServer *server = new QLocalServer(this); // L2

        if (!server->listen(QStringLiteral("counter")))
            return;
        exec();
    }
};

class Caller : public QThread {
    Q_OBJECT
protected:
    void run() override
    {
        QLocalSocket *socket = new QLocalSocket(this); // L2

        socket->connectToServer(QStringLiteral("counter"));
        if (!socket->waitForConnected(1000))
            return;
        exec();
        delete socket;
    }
};

class Scoped : public QThread {
    Q_OBJECT
protected:
    void run() override
    {
        QScopedPointer<QLocalServer> server(new QLocalServer);

        if (!server->listen(QStringLiteral("counter")))
            return;
        exec();
    }
};

class Stacked : public QThread {
    Q_OBJECT
protected:
    void run() override
    {
        QLocalServer server;

        if (!server.listen(QStringLiteral("counter")))
            return;
        exec();
    }
};

class Room : public QObject {
    Q_OBJECT
public:
    void run()
    {
        QLocalServer *server = new QLocalServer(this);

        if (!server->listen(QStringLiteral("counter")))
            return;
        server->setObjectName(QStringLiteral("counter"));
    }
};

class Moved : public QThread {
    Q_OBJECT
public:
    Moved() { moveToThread(this); }

protected:
    void run() override
    {
        QLocalServer *server = new QLocalServer(this);

        if (!server->listen(QStringLiteral("counter")))
            return;
        exec();
    }
};
