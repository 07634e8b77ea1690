// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "apps/prometheus_text.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string_view>

namespace tensorpool::test {
namespace {

bool is_name(std::string_view text, bool colons) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    if (text.empty() || !(letter(text[0]) || (colons && text[0] == ':'))) return false;
    return std::all_of(text.begin(), text.end(),
                       [&](char c) { return letter(c) || (c >= '0' && c <= '9') || (colons && c == ':'); });
}

/// Ours by convention: lower case, words between single underscores.
bool is_plain(std::string_view text) {
    return text.find("__") == std::string_view::npos && text.back() != '_' &&
           std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

/// Whether a sample of that name belongs to the family: summaries have two more names.
bool belongs(const std::string& sample, const PrometheusText::Family& family) {
    if (sample == family.name) return true;
    return (family.type == "summary" || family.type == "histogram") &&
           (sample == family.name + "_sum" || sample == family.name + "_count");
}

/// Reads `name="value"` pairs up to the closing brace; false when they are malformed.
bool read_labels(std::string_view text, PrometheusText::Labels& labels, std::size_t& length) {
    std::size_t at = 0;
    while (at < text.size() && text[at] != '}') {
        const std::size_t equals = text.find("=\"", at);
        if (equals == std::string_view::npos) return false;
        const std::string name(text.substr(at, equals - at));
        std::string value;
        for (at = equals + 2; at < text.size() && text[at] != '"'; ++at) {
            if (text[at] == '\\') {
                ++at;
                if (at == text.size() || std::string_view("\\\"n").find(text[at]) == std::string_view::npos)
                    return false;
            }
            value += text[at];
        }
        if (at == text.size() || !is_name(name, false) || !labels.emplace(name, value).second) return false;
        ++at;
        if (at < text.size() && text[at] == ',') ++at;
    }
    length = at + 1;
    return at < text.size();
}

}  // namespace

PrometheusText::PrometheusText(const std::string& text) {
    if (text.empty() || text.back() != '\n') complain("the last line does not end");
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        if (line.empty()) continue;
        if (line.starts_with("# ")) {
            read_comment(line);
        } else {
            read_sample(line);
        }
    }
    std::set<std::string> names;
    for (const Family& each : families_) {
        if (!names.insert(each.name).second) complain(each.name + " stands in two places");
        judge(each);
    }
}

void PrometheusText::read_comment(const std::string& line) {
    std::istringstream in(line);
    std::string hash;
    std::string what;
    std::string name;
    std::string rest;
    in >> hash >> what >> name;
    std::getline(in >> std::ws, rest);
    if (what == "HELP") {
        families_.push_back({name, rest, "", {}});
    } else if (what != "TYPE" || families_.empty() || families_.back().name != name ||
               !families_.back().type.empty() || !families_.back().samples.empty()) {
        complain("no TYPE after its HELP: " + line);
    } else {
        families_.back().type = rest;
    }
}

void PrometheusText::read_sample(const std::string& line) {
    const std::size_t end = line.find_first_of("{ ");
    if (end == std::string::npos || !is_name(std::string_view(line).substr(0, end), true))
        return complain("no sample: " + line);
    Sample sample{line.substr(0, end), {}, 0};
    std::string_view rest = std::string_view(line).substr(end);
    if (rest[0] == '{') {
        std::size_t length = 0;
        if (!read_labels(rest.substr(1), sample.labels, length)) return complain("bad labels: " + line);
        rest.remove_prefix(1 + length);
    }
    const std::string number(rest.substr(std::min<std::size_t>(1, rest.size())));
    char* stop = nullptr;
    sample.value = std::strtod(number.c_str(), &stop);
    if (rest.empty() || rest[0] != ' ' || number.empty() || *stop != '\0') complain("no number: " + line);
    if (families_.empty() || !belongs(sample.name, families_.back()))
        return complain("outside its family: " + line);
    families_.back().samples.push_back(std::move(sample));
}

void PrometheusText::judge(const Family& family) {
    static const std::set<std::string> kTypes{"counter", "gauge", "summary", "histogram"};
    if (family.help.empty()) complain(family.name + " has no HELP");
    if (kTypes.count(family.type) == 0) complain(family.name + " has no TYPE that exists: " + family.type);
    if (family.samples.empty()) complain(family.name + " has no sample");
    std::set<std::pair<std::string, Labels>> seen;
    for (const Sample& sample : family.samples) {
        if (!seen.emplace(sample.name, sample.labels).second) complain(sample.name + " has a series twice");
        if (family.type == "counter" && !(sample.value >= 0)) complain(sample.name + " is below 0");
    }
    if (family.name.starts_with("exposer_")) return;
    if (!family.name.starts_with("tensorpool_") || !is_plain(family.name))
        complain(family.name + " is no name of ours");
    if ((family.type == "counter") != family.name.ends_with("_total"))
        complain(family.name + ": counters, and nothing else, end in _total");
    for (const char* reserved : {"_count", "_sum", "_bucket"}) {
        if (family.name.ends_with(reserved)) complain(family.name + " ends like a part of a summary");
    }
    for (const Sample& sample : family.samples) {
        for (const auto& [label, value] : sample.labels) {
            if (!is_plain(label) || label == "instance" || label == "job" || value.empty())
                complain(sample.name + " has a label that is no good: " + label + "=" + value);
        }
    }
}

const PrometheusText::Family* PrometheusText::family(const std::string& name) const noexcept {
    const auto found =
        std::find_if(families_.begin(), families_.end(), [&](const Family& f) { return f.name == name; });
    return found == families_.end() ? nullptr : &*found;
}

std::optional<double> PrometheusText::value(const std::string& name, const Labels& labels) const {
    for (const Family& family : families_) {
        for (const Sample& sample : family.samples) {
            const bool has_all = std::all_of(labels.begin(), labels.end(), [&](const auto& wanted) {
                const auto found = sample.labels.find(wanted.first);
                return found != sample.labels.end() && found->second == wanted.second;
            });
            if (sample.name == name && has_all) return sample.value;
        }
    }
    return std::nullopt;
}

std::optional<std::string> http_get(std::uint16_t port, const std::string& path) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string answer;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0) {
        const std::string request = "GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
        (void)::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
        std::array<char, 4096> chunk;
        for (ssize_t got = 0; (got = ::recv(fd, chunk.data(), chunk.size(), 0)) > 0;)
            answer.append(chunk.data(), static_cast<std::size_t>(got));
    }
    ::close(fd);
    const std::size_t head = answer.find("\r\n\r\n");
    if (head == std::string::npos || answer.substr(0, answer.find("\r\n")).find(" 200 ") == std::string::npos)
        return std::nullopt;
    return answer.substr(head + 4);
}

}  // namespace tensorpool::test
