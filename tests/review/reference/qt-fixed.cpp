// A clock that a thread serves over a local socket, and a client that asks it for the time.

#include <QCoreApplication>
#include <QDateTime>
#include <QElapsedTimer>
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
    QScopedPointer<QLocalServer> server(new QLocalServer);

    if (!server->listen(serverName)) {
        emit failed(server->errorString());
        return;
    }
    serve(server.data());
    emit ready();
    exec();
    server->close();
}

// For a thread that may block: five attempts of a second each.
static QByteArray askTime(const QString &name)
{
    QLocalSocket socket;

    for (int attempt = 0; attempt < 5; attempt++) {
        socket.connectToServer(name);
        if (socket.waitForConnected(1000))
            break;
        QThread::msleep(200);
    }
    if (socket.state() != QLocalSocket::ConnectedState) {
        QTextStream(stderr) << "no clock: " << socket.errorString() << '\n';
        return QByteArray();
    }

    QByteArray answer;
    if (socket.waitForReadyRead(1000))
        answer = socket.readAll();
    return answer;
}

// For one with an event loop: nothing blocks.
class Asker : public QObject
{
    Q_OBJECT

public:
    explicit Asker(QObject *parent = nullptr) : QObject(parent), m_socket(new QLocalSocket(this))
    {
        connect(m_socket, &QLocalSocket::readyRead, this, &Asker::onReadyRead);
        connect(m_socket, &QLocalSocket::errorOccurred, this, &Asker::onError);
    }

    void ask(const QString &name) { m_socket->connectToServer(name); }

signals:
    void answered(const QByteArray &time);
    void failed(const QString &why);

private slots:
    void onReadyRead() { emit answered(m_socket->readAll()); }
    void onError() { emit failed(m_socket->errorString()); }

private:
    QLocalSocket *m_socket;
};

int main(int argc, char *argv[])
{
    QCoreApplication app(argc, argv);
    ServerThread thread;
    Asker asker;

    QObject::connect(&asker, &Asker::answered, &app, [&app](const QByteArray &time) {
        QTextStream(stdout) << time << '\n' << askTime(serverName) << '\n';
        app.quit();
    });
    QObject::connect(&asker, &Asker::failed, &app, &QCoreApplication::quit);
    QObject::connect(&thread, &ServerThread::ready, &asker, [&asker] { asker.ask(serverName); });
    thread.start();

    int status = app.exec();
    thread.quit();
    thread.wait(2000);
    return status;
}

#include "qt-fixed.moc"
