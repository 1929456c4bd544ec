// SPDX-License-Identifier: Apache-2.0
// defects:
// L2 the socket made in exchange() is lost on every early return
// E5 nobody looks whether waitForConnected() succeeded
// W3 the reply is awaited without a limit, in two places
// N5 the length sent by the peer sizes the buffer unchecked
// E3 read() may bring less than asked for
#include <QByteArray>
#include <QCoreApplication>
#include <QDebug>
#include <QFile>
#include <QLocalSocket>
#include <QString>
#include <QTextStream>
#include <QtEndian>

class VaultClient
{
public:
    explicit VaultClient(const QString &name) : serverName(name) {}

    QByteArray get(const QString &key)
    {
        return exchange("GET " + key.toUtf8());
    }

    bool put(const QString &key, const QByteArray &value)
    {
        return exchange("PUT " + key.toUtf8() + ' ' + value.toBase64()) == "OK";
    }

    bool remove(const QString &key)
    {
        return exchange("DEL " + key.toUtf8()) == "OK";
    }

    QString lastError() const { return error; }

private:
    QByteArray exchange(const QByteArray &request);
    bool waitFor(QLocalSocket *socket, qint64 count);

    QString serverName;
    QString error;
};

bool VaultClient::waitFor(QLocalSocket *socket, qint64 count)
{
    while (socket->bytesAvailable() < count) { // @W1?
        if (!socket->waitForReadyRead(-1)) { // @W3
            error = socket->errorString();
            return false;
        }
    }
    return true;
}

QByteArray VaultClient::exchange(const QByteArray &request)
{
    error.clear();
    QLocalSocket *socket = new QLocalSocket(); // @L2
    socket->connectToServer(serverName); // @E5?
    socket->waitForConnected(3000); // @E5

    quint32 size = qToBigEndian<quint32>(request.size());
    socket->write(reinterpret_cast<const char *>(&size), sizeof(size));
    if (socket->write(request) != request.size()) {
        error = socket->errorString();
        return QByteArray();
    }
    if (!socket->waitForBytesWritten(3000)) {
        error = socket->errorString();
        return QByteArray();
    }

    if (!waitFor(socket, sizeof(size)))
        return QByteArray();
    if (socket->read(reinterpret_cast<char *>(&size), sizeof(size)) != sizeof(size)) {
        error = QStringLiteral("no length");
        return QByteArray();
    }
    size = qFromBigEndian(size);

    QByteArray reply;
    reply.resize(size); // @N5
    if (socket->bytesAvailable() == 0 && !socket->waitForReadyRead(-1)) { // @W3
        error = socket->errorString();
        return QByteArray();
    }
    socket->read(reply.data(), size); // @E3

    socket->disconnectFromServer();
    delete socket;
    return reply;
}

static int usage()
{
    QTextStream(stderr) << "usage: vault get KEY | put KEY FILE | rm KEY\n";
    return 64;
}

int main(int argc, char *argv[])
{
    QCoreApplication app(argc, argv);
    const QStringList args = app.arguments().mid(1);
    if (args.size() < 2)
        return usage();

    VaultClient client(qEnvironmentVariable("VAULT_SOCKET", "vaultd"));
    const QString verb = args.at(0);

    if (verb == "get") {
        const QByteArray value = client.get(args.at(1));
        if (!client.lastError().isEmpty()) {
            qCritical().noquote() << client.lastError();
            return 1;
        }
        QFile out;
        if (!out.open(stdout, QIODevice::WriteOnly))
            return 74;
        if (out.write(value) != value.size())
            return 74;
        return 0;
    }
    if (verb == "put" && args.size() == 3) {
        QFile in(args.at(2));
        if (!in.open(QIODevice::ReadOnly)) {
            qCritical().noquote() << in.fileName() << in.errorString();
            return 66;
        }
        return client.put(args.at(1), in.readAll()) ? 0 : 1;
    }
    if (verb == "rm")
        return client.remove(args.at(1)) ? 0 : 1;
    return usage();
}
