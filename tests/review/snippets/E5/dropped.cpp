// Outcomes that nobody looks at.
#include <QLocalServer>
#include <QLocalSocket>
#include <QTcpSocket>
#include <QThread>

class Worker : public QThread {
protected:
    void run() override;

private:
    QString m_name;
};

void Worker::run()
{
    QLocalSocket socket;

    socket.connectToServer(m_name);
    socket.waitForConnected(1000); // E5
    socket.write("hello\n");
    if (!socket.waitForBytesWritten(1000))
        return;
}

class Hub : public QObject {
public:
    Hub();
    void restart(const QString &name);

private:
    QLocalServer m_server;
    QTcpServer *m_tcp;
};

Hub::Hub() : m_tcp(new QTcpServer(this))
{
    m_server.listen("hub"); // E5
    m_tcp->listen(QHostAddress::LocalHost, 7000); // E5
}

void Hub::restart(const QString &name)
{
    m_server.close();
    if (!name.isEmpty())
        m_server.listen(name); // E5
}

QByteArray ask(const QString &host)
{
    QTcpSocket socket;
    QByteArray line("ask\n");

    socket.connectToHost(host, 7000);
    if (!socket.waitForConnected(3000))
        return QByteArray();
    socket.write(line);
    socket.waitForReadyRead(3000); // E5
    line = socket.readLine(256);
    return line;
}
