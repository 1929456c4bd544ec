// SPDX-License-Identifier: Apache-2.0
// defects:
// L5 the name is taken away before listening without a look whether its owner lives
// E5 listen() may fail unnoticed
// L3 the socket of each second instance stays until the program ends
// E3 what happens to be there at the first readyRead is parsed as the whole message
#include "application.h"
#include "mainwindow.h"

#include <QCommandLineParser>
#include <QDebug>
#include <QDir>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLocalServer>
#include <QLocalSocket>
#include <QTimer>

static const QString kServerName = QStringLiteral("org.example.player");

Application::Application(int &argc, char **argv)
    : QApplication(argc, argv)
    , m_server(nullptr)
    , m_window(nullptr)
{
    setApplicationName(QStringLiteral("Player"));
    setApplicationVersion(QStringLiteral("2.4"));
    setQuitOnLastWindowClosed(true);
}

Application::~Application()
{
    if (m_server)
        m_server->close();
}

bool Application::parseArgs()
{
    QCommandLineParser parser;
    parser.addHelpOption();
    parser.addVersionOption();
    parser.addPositionalArgument(QStringLiteral("files"), tr("Files or addresses to play"));
    parser.process(*this);

    foreach (const QString &arg, parser.positionalArguments()) {
        const QUrl url(arg);
        if (url.isValid() && !url.isRelative())
            m_files << arg;
        else if (QFileInfo::exists(arg))
            m_files << QFileInfo(arg).absoluteFilePath();
        else
            qWarning().noquote() << "no such file:" << arg;
    }
    return true;
}

bool Application::forwardToRunning()
{
    QLocalSocket socket;
    socket.connectToServer(kServerName);
    if (!socket.waitForConnected(300))
        return false;

    QJsonObject msg;
    if (m_files.isEmpty()) {
        msg[QStringLiteral("action")] = QStringLiteral("raise");
    } else {
        msg[QStringLiteral("action")] = QStringLiteral("open");
        msg[QStringLiteral("files")] = QJsonArray::fromStringList(m_files);
    }
    socket.write(QJsonDocument(msg).toJson());
    if (!socket.waitForBytesWritten(1000)) {
        qWarning() << "forward:" << socket.errorString();
        return false;
    }
    socket.disconnectFromServer();
    if (socket.state() != QLocalSocket::UnconnectedState && !socket.waitForDisconnected(1000))
        qWarning() << "forward: the running player does not hang up";
    return true;
}

void Application::startServer()
{
    QLocalServer::removeServer(kServerName); // @L5
    m_server = new QLocalServer(this);
    connect(m_server, &QLocalServer::newConnection, this, &Application::onNewConnection);
    m_server->listen(kServerName); // @E5

    if (!m_files.isEmpty()) {
        QTimer::singleShot(0, this, [this] {
            QList<QUrl> urls;
            for (const QString &file : qAsConst(m_files))
                urls << QUrl::fromUserInput(file, QDir::currentPath());
            emit openRequested(urls);
        });
    }
}

void Application::onNewConnection()
{
    QLocalSocket *socket = m_server->nextPendingConnection(); // @L3
    if (!socket)
        return;

    connect(socket, &QLocalSocket::readyRead, this, [this, socket] {
        const QByteArray json = socket->readAll(); // @E3
        dispatch(json);
    });
}

void Application::dispatch(const QByteArray &json)
{
    QJsonParseError error;
    const QJsonDocument doc = QJsonDocument::fromJson(json, &error);
    if (error.error != QJsonParseError::NoError) {
        qWarning() << "bad message:" << error.errorString();
        return;
    }

    const QJsonObject msg = doc.object();
    const QString action = msg.value(QStringLiteral("action")).toString();
    if (action == QLatin1String("raise")) {
        emit raiseRequested();
    } else if (action == QLatin1String("open")) {
        QList<QUrl> urls;
        const QJsonArray files = msg.value(QStringLiteral("files")).toArray();
        for (const QJsonValue &file : files)
            urls << QUrl::fromUserInput(file.toString());
        emit openRequested(urls);
        emit raiseRequested();
    } else {
        qWarning().noquote() << "unknown action" << action;
    }
}

int main(int argc, char *argv[])
{
    Application app(argc, argv);
    if (!app.parseArgs())
        return 1;
    if (app.forwardToRunning())
        return 0;
    app.startServer();

    MainWindow window;
    app.setWindow(&window);
    QObject::connect(&app, &Application::openRequested, &window, &MainWindow::play);
    QObject::connect(&app, &Application::raiseRequested, &window, &MainWindow::bringToFront);
    window.show();
    return app.exec();
}
