// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tensorpool::test {

/// A scrape in Prometheus' text format, read strictly.
class PrometheusText {
public:
    using Labels = std::map<std::string, std::string>;
    struct Sample {
        std::string name;
        Labels labels;
        double value = 0;
    };
    /// Every sample of one metric.
    struct Family {
        std::string name;
        std::string help;
        std::string type;
        std::vector<Sample> samples;
    };

    explicit PrometheusText(const std::string& text);

    /// What is wrong by the format or by Prometheus' naming conventions; empty when nothing is. Families of
    /// the HTTP server itself are read, but not judged by their names.
    [[nodiscard]] const std::vector<std::string>& problems() const noexcept { return problems_; }
    [[nodiscard]] const std::vector<Family>& families() const noexcept { return families_; }
    [[nodiscard]] const Family* family(const std::string& name) const noexcept;
    /// The first sample of that name that has all of `labels`; empty when there is none.
    [[nodiscard]] std::optional<double> value(const std::string& name, const Labels& labels = {}) const;

private:
    void read_comment(const std::string& line);
    void read_sample(const std::string& line);
    void judge(const Family& family);
    void complain(const std::string& what) { problems_.push_back(what); }

    std::vector<Family> families_;
    std::vector<std::string> problems_;
};

/// The body of GET `path` from a loopback port when the answer is 200; empty otherwise.
std::optional<std::string> http_get(std::uint16_t port, const std::string& path);

}  // namespace tensorpool::test
