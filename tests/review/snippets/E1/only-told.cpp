// exit() of a thread class comes back, and is no end of the function.
#include <QThread>
#include <QUdpSocket>
#include <QDebug>
#include <cstdio>
#include <cstdlib>

class Receiver : public QThread {
public:
    void run() override;
    void rightAborts();
    void rightAsks();
private:
    void take(const QByteArray &bytes);
    quint16 m_port;
};

void Receiver::run()
{
    QUdpSocket socket;

    if (!socket.bind(QHostAddress::Any, m_port)) { // E1
        perror("bind");
        exit();
    }
    while (socket.waitForReadyRead(1000)) {
        QByteArray bytes(1500, 0);
        if (socket.readDatagram(bytes.data(), bytes.size()) >= 0)
            take(bytes);
    }
}

void Receiver::rightAborts()
{
    QUdpSocket socket;

    if (!socket.bind(QHostAddress::Any, m_port)) {
        perror("bind");
        ::exit(1);
    }
    while (socket.waitForReadyRead(1000)) {
        QByteArray bytes(1500, 0);
        if (socket.readDatagram(bytes.data(), bytes.size()) >= 0)
            take(bytes);
    }
}

class Log {
public:
    explicit Log(int level);
    ~Log();
    Log &operator<<(const char *text);
};

#define LOG(level) Log(level)
enum { NOTE, FATAL };

class Listener : public QObject {
public:
    explicit Listener(quint16 port);
    void rightEnds(quint16 port);
    ~Listener();
private:
    void arrived();
    QUdpSocket m_socket;
};

Listener::Listener(quint16 port)
{
    if (!m_socket.bind(QHostAddress::Any, port)) // E1
        qWarning() << "cannot bind:" << m_socket.errorString();
    connect(&m_socket, &QUdpSocket::readyRead, this, &Listener::arrived);
}

void Listener::rightEnds(quint16 port)
{
    if (!m_socket.bind(QHostAddress::Any, port))
        LOG(FATAL) << "cannot bind";
}

void Listener::arrived()
{
    char text[1500];

    if (m_socket.readDatagram(text, sizeof(text)) >= 0)
        qDebug() << "one more";
}
