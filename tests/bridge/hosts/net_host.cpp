// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bridge/hosts/net_host.hpp"

#include <tensorpool/clock.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace tensorpool::test {

NetHost::NetHost(const Network& network, int number, const std::vector<std::uint32_t>& streams,
                 MessagingKind messaging)
    : messaging_(messaging),
      port_(network.add_port(number)),
      // Killed clients hold the flow up until they are forgotten, but not those that wait for a processor.
      media_driver_({"AERON_CLIENT_LIVENESS_TIMEOUT=5000000000"}, port_->descriptor()),
      driver_config_(write_driver_config(streams)) {
    start_driver();
}

ContextOptions NetHost::context_options() const {
    ContextOptions options;
    options.messaging = messaging_;
    options.messaging_dir = dir_.str() + "/messaging";
    options.aeron_dir = media_driver_.dir();
    return options;
}

std::unique_ptr<Program> NetHost::tp(std::vector<std::string> words) const {
    words.insert(words.begin(), TP_PROGRAM);
    const ContextOptions options = context_options();
    const char* const kind = messaging_ == MessagingKind::Aeron ? "aeron" : "embedded";
    return std::make_unique<Program>(std::move(words),
                                     std::vector<std::string>{std::string("TP_MESSAGING=") + kind,
                                                              "TP_MESSAGING_DIR=" + options.messaging_dir,
                                                              "TP_AERON_DIR=" + options.aeron_dir},
                                     port_->descriptor());
}

void NetHost::start_driver() {
    driver_ = tp({"driver", driver_config_});
    const bool up = eventually(
        [&] { return !driver_->running() || driver_->err().find(" runs on ") != std::string::npos; });
    if (!up || !driver_->running()) throw std::runtime_error("tp driver did not start: " + driver_->err());
}

void NetHost::kill_driver() {
    driver_->signal(SIGKILL);
    driver_->wait();
}

void NetHost::start_bridge(const std::vector<HostMapping>& mappings) {
    bridge_config_ = write_bridge_config(mappings);
    start_bridge();
}

void NetHost::start_bridge() {
    bridge_ = tp({"bridge", bridge_config_, "--json", "--interval-s", "0"});
}

std::unique_ptr<Program> NetHost::start_limiter(std::uint32_t source, std::uint32_t dest,
                                                std::uint32_t max_rate_hz) const {
    const std::string file = dir_.str() + "/limiter.toml";
    std::ofstream(file) << fmt::format(
        "[rate_limiter]\ninstance_id = \"{}\"\n"
        "descriptor_channel = \"aeron:ipc?term-length=4m\"\ndescriptor_stream_id = 1100\n"
        "driver_control_channel = \"aeron:ipc?term-length=4m\"\ndriver_control_stream_id = 1000\n"
        "forward_metadata = false\nkeepalive_interval_ns = {}\nshm_base_dir = \"{}\"\n"
        "[[mappings]]\nsource_stream_id = {}\ndest_stream_id = {}\nmax_rate_hz = {}\n",
        port_->address(), kPeriodMs * kNanosPerMilli, shm_dir(), source, dest, max_rate_hz);
    return tp({"rate-limiter", file, "--json", "--interval-s", "1"});
}

void NetHost::kill_bridge() {
    bridge_->signal(SIGKILL);
    bridge_->wait();
}

bool NetHost::stop() {
    bool in_order = true;
    for (const auto& program : {bridge_.get(), driver_.get()}) {
        if (program == nullptr) continue;
        program->signal(SIGTERM);
        in_order = program->wait() == 0 && in_order;
    }
    return in_order;
}

std::string NetHost::counters() const {
    std::string text;
    std::istringstream lines(bridge_ ? bridge_->out() : "");
    for (std::string line; std::getline(lines, line);) {
        const auto all = nlohmann::json::parse(line, nullptr, false);
        if (!all.is_object() || !all.contains("role")) continue;
        text += fmt::format("    {} {} -> {}:", all.value("role", ""), all.value("source_stream_id", 0),
                            all.value("dest_stream_id", 0));
        for (const auto& [name, value] : all.items()) {
            const bool is_counter = value.is_number() && name.find("epoch") == std::string::npos &&
                                    name.find("stream_id") == std::string::npos;
            if (is_counter && value != 0) text += fmt::format(" {} {}", name, value.get<std::uint64_t>());
        }
        text += "\n";
    }
    return text;
}

std::string NetHost::log() const {
    return fmt::format("{}:\n{}{}", port_->address(), driver_ ? driver_->err() : "",
                       bridge_ ? bridge_->err() : "");
}

std::string NetHost::write_driver_config(const std::vector<std::uint32_t>& streams) const {
    std::string file = dir_.str() + "/driver.toml";
    std::ofstream out(file);
    // Leases of a second: soon enough for a test, late enough for a machine with other things to do.
    out << fmt::format(
        "[shm]\nbase_dir = \"{}\"\n[policies]\ncleanup_shm_on_exit = true\n"
        "announce_period_ms = {}\nlease_keepalive_interval_ms = {}\n"
        "lease_expiry_grace_intervals = 5\n"
        "[profiles.raw]\nheader_nslots = 64\n"
        "payload_pools = [{{ pool_id = 1, stride_bytes = 4096 }}, "
        "{{ pool_id = 2, stride_bytes = 131072 }}]\n",
        shm_dir(), kPeriodMs, kPeriodMs);
    for (const std::uint32_t stream : streams)
        out << fmt::format("[streams.s{}]\nstream_id = {}\nprofile = \"raw\"\n", stream, stream);
    return file;
}

std::string NetHost::write_bridge_config(const std::vector<HostMapping>& mappings) const {
    std::string file = dir_.str() + "/bridge.toml";
    std::ofstream out(file);
    const HostMapping& first = mappings.front();
    out << fmt::format(
        "[bridge]\ninstance_id = \"{}\"\naeron_dir = \"{}\"\nforward_metadata = false\n"
        "payload_channel = \"{}\"\npayload_stream_id = {}\n"
        "control_channel = \"{}\"\ncontrol_stream_id = {}\n"
        "[local]\nallowed_base_dirs = [\"{}\"]\nkeepalive_interval_ms = {}\n"
        "announce_period_ms = {}\n",
        port_->address(), media_driver_.dir(), first.channel, first.stream_id, first.channel,
        first.stream_id + 1, shm_dir(), kPeriodMs, kPeriodMs);
    for (const HostMapping& mapping : mappings) {
        out << fmt::format(
            "[[mappings]]\nsource_stream_id = {}\ndest_stream_id = {}\nrole = \"{}\"\n"
            "payload_channel = \"{}\"\npayload_stream_id = {}\n"
            "control_channel = \"{}\"\ncontrol_stream_id = {}\n",
            mapping.source, mapping.dest, mapping.role, mapping.channel, mapping.stream_id, mapping.channel,
            mapping.stream_id + 1);
    }
    return file;
}

}  // namespace tensorpool::test
