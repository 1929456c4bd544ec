#include <QLocalServer>
#include <QLocalSocket>
#include <QProcess>
#include <QTcpSocket>
#include <QDebug>

bool condition(const QString &name)
{
    QLocalSocket socket;

    socket.connectToServer(name);
    return socket.waitForConnected(1000);
}

bool stored(const QString &name)
{
    QLocalSocket socket;

    socket.connectToServer(name);
    const bool ok = socket.waitForConnected(1000);
    if (!ok)
        qWarning() << socket.errorString();
    return ok;
}

bool by_state(const QString &name)
{
    QLocalSocket socket;

    socket.connectToServer(name);
    (void)socket.waitForConnected(1000);
    return socket.state() == QLocalSocket::ConnectedState;
}

bool attempts(const QString &host)
{
    QTcpSocket socket;

    for (int i = 0; i < 3; i++) {
        socket.connectToHost(host, 7000);
        if (socket.waitForConnected(500))
            return true;
    }
    return false;
}

class Hub : public QObject {
public:
    bool start(const QString &name);
    void orDie(const QString &name);

private:
    QLocalServer m_server;
};

bool Hub::start(const QString &name)
{
    if (!m_server.listen(name)) {
        qWarning() << m_server.errorString();
        return false;
    }
    return true;
}

void Hub::orDie(const QString &name)
{
    if (m_server.listen(name))
        return;
    qFatal("listen");
}

void clip(QProcess *process, const QByteArray &text)
{
    process->write(text);
    process->waitForBytesWritten();
}
