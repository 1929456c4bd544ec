// Signals that are named by their text, in a project that is built with Qt 6, too.
#include <QLocalSocket>
#include <QObject>
#include <QTcpSocket>

class Caller : public QObject {
    Q_OBJECT
public:
    explicit Caller(QTcpSocket *socket);
    void watch(QTcpSocket *socket);
    void watchLocal(QLocalSocket *socket);
    void rightWatch(QTcpSocket *socket);
    void rightOld(QTcpSocket *socket);
public slots:
    void failed(QAbstractSocket::SocketError error);
    void failedLocally(QLocalSocket::LocalSocketError error);
};

Caller::Caller(QTcpSocket *socket)
{
#if QT_VERSION >= QT_VERSION_CHECK(6, 0, 0)
    socket->setSocketOption(QAbstractSocket::KeepAliveOption, 1);
#endif
    watch(socket);
}

void Caller::watch(QTcpSocket *socket)
{
    connect(socket, SIGNAL(error(QAbstractSocket::SocketError)), this, SLOT(failed(QAbstractSocket::SocketError))); // E5
}

void Caller::watchLocal(QLocalSocket *socket)
{
    connect(socket, SIGNAL(error(QLocalSocket::LocalSocketError)), // E5
            this, SLOT(failedLocally(QLocalSocket::LocalSocketError)));
}

void Caller::rightWatch(QTcpSocket *socket)
{
    connect(socket, SIGNAL(errorOccurred(QAbstractSocket::SocketError)), this, SLOT(failed(QAbstractSocket::SocketError)));
}

void Caller::rightOld(QTcpSocket *socket)
{
#if QT_VERSION < QT_VERSION_CHECK(5, 15, 0)
    connect(socket, SIGNAL(error(QAbstractSocket::SocketError)), this, SLOT(failed(QAbstractSocket::SocketError)));
#else
    connect(socket, &QTcpSocket::errorOccurred, this, &Caller::failed);
#endif
}

void Caller::failed(QAbstractSocket::SocketError error)
{
    qWarning("failed: %d", int(error));
}

void Caller::failedLocally(QLocalSocket::LocalSocketError error)
{
    qWarning("failed: %d", int(error));
}
