// Plays a JBT1 packet file through WebRTC's NetEQ: neteq_driver IN.jbt OUT.raw, one line of JSON on standard output.
// NetEQ always gives 10 ms; pulls of 20 ms are two of them at once.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "api/audio/audio_frame.h"
#include "api/audio_codecs/builtin_audio_decoder_factory.h"
#include "api/neteq/neteq.h"
#include "modules/audio_coding/neteq/default_neteq_factory.h"
#include "rtc_base/logging.h"
#include "system_wrappers/include/clock.h"

namespace {

template <typename T>
T ReadAt(const std::vector<char>& data, size_t at) {
  T value;
  std::memcpy(&value, data.data() + at, sizeof value);
  return value;
}

double CpuMicroseconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

struct Player {
  webrtc::SimulatedClock clock{INT64_C(1000000000)};
  webrtc::DefaultNetEqFactory factory;
  std::unique_ptr<webrtc::NetEq> neteq;
  int64_t base = clock.TimeInMicroseconds();
  double cpu = 0;
  uint32_t rate;

  explicit Player(uint32_t sample_rate) : rate(sample_rate) {
    webrtc::NetEq::Config config;
    config.sample_rate_hz = static_cast<int>(rate);
    config.enable_muted_state = true;
    config.max_packets_in_buffer = 200;
    neteq = factory.CreateNetEq(config, webrtc::CreateBuiltinAudioDecoderFactory(), &clock);
    neteq->RegisterPayloadType(0, {"PCMU", 8000, 1});
    neteq->RegisterPayloadType(9, {"G722", 8000, 1});
    neteq->RegisterPayloadType(13, {"CN", 8000, 1});
  }

  void Advance(double ms) {
    int64_t behind = base + static_cast<int64_t>(ms * 1000) - clock.TimeInMicroseconds();
    if (behind > 0) clock.AdvanceTimeMicroseconds(behind);
  }

  size_t Insert(const std::vector<char>& data, size_t at) {
    Advance(ReadAt<double>(data, at));
    webrtc::RTPHeader header;
    header.sequenceNumber = ReadAt<uint16_t>(data, at + 8);
    uint16_t length = ReadAt<uint16_t>(data, at + 10);
    header.timestamp = ReadAt<uint32_t>(data, at + 12);
    header.ssrc = ReadAt<uint32_t>(data, at + 16);
    header.payloadType = ReadAt<uint8_t>(data, at + 20);
    header.markerBit = ReadAt<uint8_t>(data, at + 21) != 0;
    double before = CpuMicroseconds();
    neteq->InsertPacket(header, {reinterpret_cast<const uint8_t*>(data.data()) + at + 24, length});
    cpu += CpuMicroseconds() - before;
    return at + 24 + length;
  }

  void Pull(std::vector<int16_t>* out) {
    webrtc::AudioFrame frame;
    bool muted = false;
    double before = CpuMicroseconds();
    int result = neteq->GetAudio(&frame, &muted);
    cpu += CpuMicroseconds() - before;
    size_t n = rate / 100, at = out->size();
    out->resize(at + n, 0);
    if (result == 0 && !muted && frame.sample_rate_hz_ == static_cast<int>(rate))
      for (size_t i = 0; i < n && i < frame.samples_per_channel_; i++) (*out)[at + i] = frame.data()[i * frame.num_channels_];
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::ifstream file(argv[1], std::ios::binary);
  std::vector<char> data((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (data.size() < 40 || std::memcmp(data.data(), "JBT1", 4) != 0) return 1;
  rtc::LogMessage::LogToDebug(rtc::LS_NONE);
  Player player(ReadAt<uint32_t>(data, 4));
  uint32_t pull_ms = ReadAt<uint32_t>(data, 16), left = ReadAt<uint32_t>(data, 20);
  double phase = ReadAt<double>(data, 24), total = ReadAt<double>(data, 32);
  std::vector<int16_t> out;
  size_t at = 40, pulls = 0;
  for (double now = phase; now < total; now += pull_ms) {
    for (; left > 0 && ReadAt<double>(data, at) <= now; left--) at = player.Insert(data, at);
    player.Advance(now);
    for (uint32_t ms = 0; ms < pull_ms; ms += 10, pulls++) player.Pull(&out);
  }
  std::ofstream sound(argv[2], std::ios::binary);
  sound.write(reinterpret_cast<const char*>(out.data()), static_cast<std::streamsize>(out.size() * 2));
  std::printf("{\"cpu_us_per_20ms\": %.3f}\n", player.cpu / pulls * 2);
  return sound.good() ? 0 : 1;
}
