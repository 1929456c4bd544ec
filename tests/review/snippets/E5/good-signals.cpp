#include <QLocalSocket>
#include <QTcpSocket>
#include <QTimer>

class Tray : public QObject {
    Q_OBJECT
public:
    explicit Tray(QObject *parent);
    void again();

private slots:
    void ready();
    void failed();

private:
    QLocalSocket *m_socket;
};

Tray::Tray(QObject *parent) : QObject(parent), m_socket(new QLocalSocket(this))
{
    connect(m_socket, &QLocalSocket::connected, this, &Tray::ready);
    connect(m_socket, &QLocalSocket::errorOccurred, this, &Tray::failed);
    m_socket->connectToServer("tray");
}

/* The handler is connected elsewhere in the class. */
void Tray::again()
{
    m_socket->abort();
    m_socket->connectToServer("tray");
}

void Tray::ready() {}

void Tray::failed()
{
    QTimer::singleShot(1000, this, &Tray::again);
}

class Old : public QObject {
    Q_OBJECT
public:
    void start();

private slots:
    void changed();

private:
    QTcpSocket m_socket;
};

void Old::start()
{
    connect(&m_socket, SIGNAL(stateChanged(QAbstractSocket::SocketState)), this, SLOT(changed()));
    m_socket.connectToHost("localhost", 7000);
}

void Old::changed() {}

class Overloaded : public QObject {
public:
    void start();

private:
    QTcpSocket m_socket;
};

void Overloaded::start()
{
    connect(&m_socket, QOverload<QAbstractSocket::SocketError>::of(&QAbstractSocket::error), this,
            [] { qFatal("no server"); });
    m_socket.connectToHost("localhost", 7000);
}
