// SPDX-License-Identifier: Apache-2.0
// correct: a process is started with data from outside and waited for in loops; it goes without a
// shell, each loop has a deadline, and the channel is reparented to the plugin before its server
// goes
#include "pluginhost.h"

#include <QDeadlineTimer>
#include <QDebug>
#include <QTimer>
#include <QUuid>

Plugin::Plugin(const QString &program, QObject *parent)
    : QObject(parent)
    , m_program(program)
    , m_token(QUuid::createUuid().toRfc4122().toHex())
    , m_process(new QProcess(this))
{
    m_process->setProcessChannelMode(QProcess::ForwardedErrorChannel);
    connect(m_process, QOverload<int, QProcess::ExitStatus>::of(&QProcess::finished),
            this, &Plugin::onFinished);
}

Plugin::~Plugin()
{
    m_process->disconnect(this);
    if (m_channel) {
        m_channel->disconnect(this);
        m_channel->disconnectFromServer();
    }
    if (m_process->state() == QProcess::NotRunning)
        return;
    if (!m_process->waitForFinished(1000)) {
        m_process->kill();
        if (!m_process->waitForFinished(1000))
            qWarning() << m_program << "does not die";
    }
}

bool Plugin::launch(int timeoutMs)
{
    QDeadlineTimer deadline(timeoutMs);
    const QString name = QStringLiteral("plugin-") + QUuid::createUuid().toString(QUuid::WithoutBraces);

    m_server = std::make_unique<QLocalServer>();
    m_server->setSocketOptions(QLocalServer::UserAccessOption);
    if (!m_server->listen(name)) {
        qWarning() << "plugin:" << m_server->errorString();
        return false;
    }

    QProcessEnvironment env = QProcessEnvironment::systemEnvironment();
    env.insert(QStringLiteral("PLUGIN_TOKEN"), QString::fromLatin1(m_token));
    m_process->setProcessEnvironment(env);
    m_process->start(m_program, {QStringLiteral("--channel"), m_server->fullServerName()});
    if (!m_process->waitForStarted(int(deadline.remainingTime()))) {
        qWarning() << m_program << m_process->errorString();
        m_server.reset();
        return false;
    }

    while (!deadline.hasExpired()) {
        bool timedOut = false;
        if (!m_server->waitForNewConnection(int(deadline.remainingTime()), &timedOut))
            break;
        QLocalSocket *candidate = m_server->nextPendingConnection();
        if (!candidate)
            continue;
        if (adopt(candidate, int(deadline.remainingTime()))) {
            m_server.reset();
            return true;
        }
        delete candidate;
    }
    m_process->kill();
    m_server.reset();
    return false;
}

bool Plugin::adopt(QLocalSocket *candidate, int timeoutMs)
{
    QDeadlineTimer deadline(timeoutMs);
    candidate->setReadBufferSize(1 << 20);
    while (!candidate->canReadLine()) {
        if (deadline.hasExpired() || candidate->bytesAvailable() > 256)
            return false;
        if (!candidate->waitForReadyRead(int(deadline.remainingTime())))
            return false;
    }
    if (candidate->readLine(256).trimmed() != m_token)
        return false;

    candidate->setParent(this);
    m_channel = candidate;
    connect(candidate, &QLocalSocket::readyRead, this, &Plugin::readChannel);
    connect(candidate, &QLocalSocket::disconnected, candidate, &QObject::deleteLater);
    if (candidate->bytesAvailable() > 0)
        QTimer::singleShot(0, this, &Plugin::readChannel);
    return true;
}

void Plugin::invoke(const QByteArray &method, const QByteArray &argument)
{
    if (isUp())
        m_channel->write(method + ' ' + argument.toBase64() + '\n');
}

void Plugin::readChannel()
{
    while (m_channel && m_channel->canReadLine()) {
        const QList<QByteArray> words = m_channel->readLine(1 << 20).trimmed().split(' ');
        if (words.size() == 2)
            emit result(words.at(0), QByteArray::fromBase64(words.at(1)));
    }
    if (m_channel && m_channel->bytesAvailable() >= (1 << 20))
        m_channel->abort();
}

void Plugin::onFinished(int status, QProcess::ExitStatus how)
{
    if (m_channel)
        m_channel->abort();
    if (how == QProcess::CrashExit || status != 0)
        emit crashed(status);
}

Plugin *PluginHost::load(const QString &name, const QString &program)
{
    if (Plugin *known = m_plugins.value(name))
        return known;
    auto plugin = std::make_unique<Plugin>(program, nullptr);
    if (!plugin->launch(5000))
        return nullptr;
    plugin->setParent(this);
    connect(plugin.get(), &Plugin::crashed, this, [this, name] { unload(name); });
    m_plugins.insert(name, plugin.get());
    return plugin.release();
}

void PluginHost::unload(const QString &name)
{
    if (Plugin *plugin = m_plugins.take(name))
        plugin->deleteLater();
}
