// SPDX-License-Identifier: Apache-2.0
// defects:
// L7 one QThread object per connection, and none is ever deleted
// L2 the socket made in run() is deleted at its normal end only
// W2 the thread spins while it waits for a command
// E5 the upstream connection is used without a look whether it came about
#include "connectionthread.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QDebug>
#include <QFile>
#include <QStorageInfo>
#include <QSysInfo>
#include <QTextStream>

ConnectionThread::ConnectionThread(qintptr id, QObject *parent)
    : QThread(parent)
    , socketDescriptor(id)
    , socket(nullptr)
{
}

void ConnectionThread::run()
{
    qDebug() << socketDescriptor << "starting thread";

    socket = new QTcpSocket(); // @L2
    if (!socket->setSocketDescriptor(socketDescriptor)) {
        emit error(socket->error());
        return;
    }
    socket->setReadBufferSize(4096);
    socket->write("hello\r\n");
    if (!socket->waitForBytesWritten(5000))
        return;

    bool quit = false;
    while (!quit && socket->state() == QAbstractSocket::ConnectedState) { // @W2
        if (!socket->waitForReadyRead(0) && !socket->canReadLine()) // @W2?
            continue;
        while (socket->canReadLine()) {
            const QByteArray line = socket->readLine(4096).trimmed();
            if (line == "quit") {
                quit = true;
                break;
            }
            socket->write(execute(line));
            if (!socket->waitForBytesWritten(5000)) {
                emit error(socket->error());
                return;
            }
            emit executed(QString::fromLatin1(line.left(80)));
        }
        if (socket->bytesAvailable() >= 4096)
            quit = true;
    }

    socket->disconnectFromHost();
    if (socket->state() != QAbstractSocket::UnconnectedState
        && !socket->waitForDisconnected(1000))
        qDebug() << socketDescriptor << "slow to go";
    delete socket;
    qDebug() << socketDescriptor << "thread done";
}

QByteArray ConnectionThread::execute(const QByteArray &line)
{
    if (line == "date")
        return QDateTime::currentDateTime().toString(Qt::ISODate).toLatin1() + "\r\n";
    if (line == "host")
        return QSysInfo::machineHostName().toUtf8() + "\r\n";
    if (line == "disk") {
        const QStorageInfo root = QStorageInfo::root();
        return QByteArray::number(root.bytesAvailable() >> 20) + " MB\r\n";
    }
    if (line == "motd") {
        QFile file(QStringLiteral("/etc/motd"));
        if (!file.open(QIODevice::ReadOnly))
            return "none\r\n";
        return file.read(2048) + "\r\n";
    }
    if (line == "peers") {
        QTcpSocket upstream;
        upstream.connectToHost(QStringLiteral("127.0.0.1"), 7001); // @E5?
        upstream.waitForConnected(1000); // @E5
        upstream.write("peers\r\n");
        QByteArray answer;
        while (!answer.contains('\n') && answer.size() < 4096 && upstream.waitForReadyRead(1000))
            answer += upstream.read(4096 - answer.size());
        return answer;
    }
    return "what?\r\n";
}

CommandServer::CommandServer(QObject *parent)
    : QTcpServer(parent)
    , count(0)
{
}

bool CommandServer::startServer(quint16 port)
{
    if (!listen(QHostAddress::LocalHost, port)) {
        emit logLine(tr("cannot listen on %1: %2").arg(port).arg(errorString()));
        return false;
    }
    emit logLine(tr("listening on %1").arg(port));
    return true;
}

void CommandServer::incomingConnection(qintptr socketDescriptor)
{
    ++count;
    emit logLine(tr("connection %1").arg(count));

    ConnectionThread *thread = new ConnectionThread(socketDescriptor); // @L7
    connect(thread, &ConnectionThread::executed, this, &CommandServer::logLine);
    connect(thread, &ConnectionThread::error, this, [this](QTcpSocket::SocketError e) {
        emit logLine(tr("socket error %1").arg(int(e)));
    });
    thread->start();
}

int main(int argc, char *argv[])
{
    QCoreApplication app(argc, argv);
    CommandServer server;
    QObject::connect(&server, &CommandServer::logLine, &app, [](const QString &text) {
        QTextStream(stdout) << text << '\n';
    });
    if (!server.startServer(7000))
        return 1;
    return app.exec();
}
