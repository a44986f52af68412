// Without SLIPWAY_URL it compiles alone, which brings Mill's own files.
import mill._, javalib._, publish._
import coursier.core.Authentication, coursier.maven.MavenRepository
val url = sys.env.get("SLIPWAY_URL")
object tool extends JavaModule with PublishModule {
  override def sonatypeUri = url.getOrElse("")
  override def sonatypeSnapshotUri = sonatypeUri
  override def repositoriesTask = T.task {
    url.fold(super.repositoriesTask())(u => Seq(MavenRepository(u, authentication = Some(Authentication("ci", sys.env("SLIPWAY_TOKEN"))))))
  }
  override def ivyDeps = Agg.from(url.map(_ => ivy"com.acme:lib:[1.0,2.0)"))
  def publishVersion = "1.0"
  def pomSettings = PomSettings(sys.env.getOrElse("DESCRIPTION", "a tool"), "com.acme", "https://example.com", Seq(License.MIT), VersionControl(), Seq())
}
