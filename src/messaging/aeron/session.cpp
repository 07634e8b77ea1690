// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/aeron/session.hpp"

#include "base/log.hpp"
#include "messaging/aeron/error_text.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>
#include <sys/stat.h>

#include <new>

namespace tensorpool::messaging::aeron {
namespace {

constexpr std::uint64_t kDriverTimeoutMs = 10'000;

}  // namespace

std::uint64_t default_driver_timeout_ms() noexcept {
    // The variable has more than one notation: Aeron reads it.
    aeron_context_t* context = nullptr;
    if (::aeron_context_init(&context) != 0) return kDriverTimeoutMs;
    const std::uint64_t timeout = ::aeron_context_get_driver_timeout_ms(context);
    ::aeron_context_close(context);
    return timeout;
}

DriverState look_at_driver(const std::string& dir, std::uint64_t timeout_ms) noexcept {
    struct stat info {};
    if (::stat(dir.c_str(), &info) != 0) return DriverState::NoDirectory;
    aeron_cnc_t* cnc = nullptr;
    try {
        if (::stat((dir + "/cnc.dat").c_str(), &info) != 0) return DriverState::NoFile;
        if (::aeron_cnc_init(&cnc, dir.c_str(), 0) != 0) {
            const bool waiting = ::aeron_errcode() == -AERON_CLIENT_ERROR_DRIVER_TIMEOUT;
            return waiting ? DriverState::Starting : DriverState::Unusable;
        }
    } catch (const std::bad_alloc&) {
        return DriverState::Starting;
    }
    const std::int64_t heartbeat_ms = ::aeron_cnc_to_driver_heartbeat(cnc);
    ::aeron_cnc_close(cnc);
    if (heartbeat_ms == 0) return DriverState::Starting;
    const std::int64_t age_ms = ::aeron_epoch_clock() - heartbeat_ms;
    return age_ms > static_cast<std::int64_t>(timeout_ms) ? DriverState::Silent : DriverState::Alive;
}

std::string describe(DriverState state, const std::string& dir) {
    constexpr std::string_view kRemedy =
        "start aeronmd, name its directory with --aeron-dir or AERON_DIR, or use --embedded-media-driver";
    switch (state) {
        case DriverState::NoDirectory:
            return fmt::format("no media driver: {} does not exist; {}", dir, kRemedy);
        case DriverState::NoFile:
            return fmt::format(
                "no media driver: {} has no cnc.dat, so it is not a media driver's directory; {}", dir,
                kRemedy);
        case DriverState::Starting:
            return fmt::format("the media driver in {} is not ready; is it still starting?", dir);
        case DriverState::Unusable:
            return fmt::format("the media driver in {} is not one of ours: {}", dir, last_error());
        case DriverState::Silent:
            return fmt::format("the media driver in {} shows no sign of life; restart it", dir);
        case DriverState::Alive:
            break;
    }
    return fmt::format("the media driver in {} is alive", dir);
}

Session::Session(const std::string& dir, std::uint64_t driver_timeout_ms) {
    const auto refuse = [&](const char* what) {
        const std::string why = last_error();
        if (client_ != nullptr) ::aeron_close(client_);
        if (context_ != nullptr) ::aeron_context_close(context_);
        throw Error(ErrorCode::MessagingError,
                    fmt::format("Aeron: media driver directory {}: {}: {}", dir, what, why));
    };
    if (::aeron_context_init(&context_) != 0) refuse("cannot prepare a client");
    if (::aeron_context_set_dir(context_, dir.c_str()) != 0 ||
        ::aeron_context_set_driver_timeout_ms(context_, driver_timeout_ms) != 0 ||
        ::aeron_context_set_use_conductor_agent_invoker(context_, true) != 0 ||
        ::aeron_context_set_client_name(context_, "tensorpool") != 0 ||
        ::aeron_context_set_error_handler(context_, &Session::on_error, this) != 0) {
        refuse("cannot configure a client");
    }
    if (::aeron_init(&client_, context_) != 0) {
        client_ = nullptr;
        refuse("cannot connect");
    }
    if (::aeron_start(client_) != 0) refuse("cannot start a client");
}

Session::~Session() {
    ::aeron_close(client_);
    ::aeron_context_close(context_);
}

void Session::on_error(void* self, int /*code*/, const char* message) {
    // Called from within the conductor, which knows no exceptions.
    try {
        auto& session = *static_cast<Session*>(self);
        session.last_report_ = one_line(message);
        // The end of the connection is reported where it is dealt with.
        if (!session.closed()) base::log(LogLevel::Warn, "Aeron", "{}", session.last_report_);
    } catch (const std::bad_alloc&) {
        return;
    }
}

}  // namespace tensorpool::messaging::aeron
