// A clock that a thread serves over a local socket, and a client that asks it for the time.

#include <QCoreApplication>
#include <QDateTime>
#include <QLocalServer>
#include <QLocalSocket>
#include <QThread>
#include <QTextStream>

static const char serverName[] = "clock";

class ServerThread : public QThread
{
    Q_OBJECT

public:
    explicit ServerThread(QObject *parent = nullptr) : QThread(parent) {}

signals:
    void ready();
    void failed(const QString &why);

protected:
    void run() override;

private:
    void serve(QLocalServer *server);
    bool m_stop = false;
};

void ServerThread::serve(QLocalServer *server)
{
    QObject::connect(server, &QLocalServer::newConnection, server, [server] {
        while (QLocalSocket *peer = server->nextPendingConnection()) {
            QObject::connect(peer, &QLocalSocket::disconnected, peer, &QObject::deleteLater);
            peer->write(QDateTime::currentDateTime().toString().toUtf8());
            peer->disconnectFromServer();
        }
    });
}

void ServerThread::run()
{
    QLocalServer *server = new QLocalServer;

    if (!server->listen(serverName)) {
        emit failed(server->errorString());
    } else {
        serve(server);
        emit ready();
        exec();
        server->close();
    }

    delete server;
}

static QByteArray askTime(const QString &name)
{
    QLocalSocket *socket = new QLocalSocket(qApp);

    while (socket->state() != QLocalSocket::ConnectedState) {
        socket->connectToServer(name);
    }

    QByteArray answer;
    if (socket->waitForReadyRead(1000))
        answer = socket->readAll();
    socket->deleteLater();
    return answer;
}

int main(int argc, char *argv[])
{
    QCoreApplication app(argc, argv);
    ServerThread thread;

    QObject::connect(&thread, &ServerThread::ready, &app, [&app] {
        QTextStream(stdout) << askTime(serverName) << '\n';
        app.quit();
    });
    thread.start();

    int status = app.exec();
    thread.quit();
    thread.wait(2000);
    return status;
}

#include "qt.moc"
